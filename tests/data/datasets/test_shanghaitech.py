import numpy as np
import pytest
import scipy.io

from crowdkit_core.data import ShanghaiTech
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.testing import check_dataset


@pytest.fixture(params=[("part_A_final", "ground_truth"), ("part_A", "ground-truth")])
def downloaded(request, tmp_path, save_image, save_shanghaitech_mat):
    """Twelve training and three test images, IMG_n with n people."""
    part, truth = request.param
    for data, count in (("train_data", 12), ("test_data", 3)):
        folder = tmp_path / part / data
        for n in range(1, count + 1):
            save_image(folder / "images" / f"IMG_{n}.jpg")
            save_shanghaitech_mat(folder / truth / f"GT_IMG_{n}.mat", [[n, 7.25]] * n)
    return tmp_path


def counts(dataset):
    return [len(dataset.annotation(i).points) for i in range(len(dataset))]


def test_validation_is_every_tenth_training_image_in_natural_order(downloaded):
    assert counts(ShanghaiTech(root=downloaded, split="validation")) == [10]
    assert counts(ShanghaiTech(root=downloaded)) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]
    assert counts(ShanghaiTech(root=downloaded, split="test")) == [1, 2, 3]
    assert len(ShanghaiTech(root=downloaded, split="all")) == 15


def test_names_are_unique_over_train_and_test(downloaded):
    dataset = ShanghaiTech(root=downloaded, split="all")
    assert len({dataset.annotation(i).name for i in range(15)}) == 15


def test_matlab_points_become_ours(downloaded):
    assert ShanghaiTech(root=downloaded).annotation(2).points.tolist() == [[2.5, 6.75]] * 3


def test_root_may_be_the_part(downloaded):
    part = next(downloaded.iterdir())
    assert counts(ShanghaiTech(root=part, split="test")) == [1, 2, 3]


def test_the_other_part_is_not_taken_for_this_one(downloaded):
    with pytest.raises(UsageError, match="part A"):
        ShanghaiTech(root=next(downloaded.iterdir()), part="B")
    with pytest.raises(DataError, match="part B"):
        ShanghaiTech(root=downloaded, part="B")


def truth_of(dataset, index):
    return dataset.entries[index].truth


def test_a_mat_without_points_names_what_it_holds(downloaded):
    dataset = ShanghaiTech(root=downloaded)
    scipy.io.savemat(truth_of(dataset, 0), {"density": np.zeros((3, 3))})
    with pytest.raises(
        DataError, match=r"GT_IMG_1.mat: no points: expected .*found variables density"
    ):
        dataset.annotation(0)


@pytest.mark.parametrize("content", [b"", b"no matlab", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_a_damaged_mat_is_refused_by_name(downloaded, content):
    dataset = ShanghaiTech(root=downloaded)
    truth_of(dataset, 0).write_bytes(content)
    with pytest.raises(DataError, match=r"GT_IMG_1.mat"):
        dataset.annotation(0)


def test_a_mat_cut_short_is_refused_by_name(downloaded):
    dataset = ShanghaiTech(root=downloaded)
    path = truth_of(dataset, 0)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"GT_IMG_1.mat"):
        dataset.annotation(0)


@pytest.mark.parametrize(
    ("points", "cause"),
    [
        ([[np.nan, 1.0]], "expected finite"),
        ([[1e5, 1.0]], "outside the image of 60 x 40"),
        ([[1.0, 2.0, 3.0]], r"shape \(1, 3\), expected N x 2"),
    ],
)
def test_impossible_points_are_refused_by_name(downloaded, save_shanghaitech_mat, points, cause):
    dataset = ShanghaiTech(root=downloaded)
    save_shanghaitech_mat(truth_of(dataset, 0), points)
    with pytest.raises(DataError, match=cause) as caught:
        dataset.annotation(0)
    assert "GT_IMG_1.mat" in caught.value.message


def test_an_empty_array_is_nobody(downloaded, save_shanghaitech_mat):
    dataset = ShanghaiTech(root=downloaded)
    save_shanghaitech_mat(truth_of(dataset, 0), [])
    assert dataset.annotation(0).points.shape == (0, 2)


def test_missing_halves_are_named(downloaded):
    dataset = ShanghaiTech(root=downloaded)
    truth_of(dataset, 0).unlink()
    dataset.entries[1].image.unlink()
    again = ShanghaiTech(root=downloaded)
    assert len(again) == len(dataset)
    with pytest.raises(DataError, match=r"GT_IMG_1.mat: no such annotation file"):
        again.annotation(0)
    with pytest.raises(DataError, match=r"IMG_2.jpg: no such file"):
        again.annotation(1)


def test_an_annotation_does_not_decode_its_image(downloaded):
    dataset = ShanghaiTech(root=downloaded)
    image = dataset.entries[0].image
    image.write_bytes(image.read_bytes()[:700])
    assert dataset.annotation(0).size == (40, 60)
    with pytest.raises(DataError, match=r"IMG_1.jpg"):
        dataset[0]


def test_contract(downloaded):
    check_dataset(ShanghaiTech(root=downloaded))
