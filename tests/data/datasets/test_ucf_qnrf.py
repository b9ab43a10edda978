import numpy as np
import pytest

from crowdkit_core.data import UCFQNRF
from crowdkit_core.errors import DataError, OptionsError
from crowdkit_core.testing import check_dataset


@pytest.fixture
def downloaded(tmp_path, save_image, save_mat):
    """Twelve training and three test images, img_000n with n people, the last with none."""
    for folder, count in (("Train", 12), ("Test", 3)):
        for n in range(1, count + 1):
            save_image(tmp_path / "UCF-QNRF_ECCV18" / folder / f"img_{n:04d}.jpg")
            points = np.array([[n, 7.25]] * n) if n < 12 else np.zeros((0, 2))
            save_mat(
                tmp_path / "UCF-QNRF_ECCV18" / folder / f"img_{n:04d}_ann.mat",
                {"annPoints": points},
            )
    return tmp_path


def counts(dataset):
    return [len(dataset.annotation(i).points) for i in range(len(dataset))]


def test_splits(downloaded):
    assert counts(UCFQNRF(root=downloaded)) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 0]
    assert counts(UCFQNRF(root=downloaded, split="validation")) == [10]
    assert counts(UCFQNRF(root=downloaded, split="test")) == [1, 2, 3]
    assert len(UCFQNRF(root=downloaded, split="all")) == 15
    assert len(UCFQNRF(root=downloaded, validation_every=0)) == 12


def test_matlab_points_become_ours(downloaded):
    root = downloaded / "UCF-QNRF_ECCV18"
    assert UCFQNRF(root=root).annotation(2).points.tolist() == [[2.5, 6.75]] * 3


def test_missing_halves_are_named(downloaded):
    dataset = UCFQNRF(root=downloaded, split="test")
    dataset.entries[0].truth.unlink()
    dataset.entries[1].image.unlink()
    again = UCFQNRF(root=downloaded, split="test")
    with pytest.raises(DataError, match=r"img_0001_ann.mat: no such annotation file"):
        again.annotation(0)
    with pytest.raises(DataError, match=r"img_0002.jpg: no such file"):
        again.annotation(1)


def test_a_folder_without_it_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected Train or Test in it"):
        UCFQNRF(root=tmp_path)


def test_an_empty_split_says_what_to_set(downloaded):
    with pytest.raises(DataError, match="'validation' is empty") as caught:
        UCFQNRF(root=downloaded, split="validation", validation_every=0)
    assert "validation_every" in caught.value.hint


def test_every_split_is_resized_alike(downloaded, assert_twice_as_large):
    for split in ("train", "validation"):
        resized = UCFQNRF(root=downloaded, split=split, long_side=(120, 120))
        assert_twice_as_large(resized, UCFQNRF(root=downloaded, split=split))
    check_dataset(UCFQNRF(root=downloaded, split="all", long_side=(1, 17)))


def test_impossible_bounds_are_refused(downloaded):
    with pytest.raises(OptionsError, match=r"long_side \(20, 10\)"):
        UCFQNRF(root=downloaded, long_side=(20, 10))


def test_contract(downloaded):
    check_dataset(UCFQNRF(root=downloaded, split="all"))
