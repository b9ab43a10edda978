import numpy as np
import pytest

from crowdkit_core.data import Mall, check
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.testing import check_dataset

FRAMES = (1, 2, 720, 721, 800, 801, 805)


@pytest.fixture
def downloaded(tmp_path, save_image, save_mat):
    """Some of the frames; frame n has n % 3 people in column n % 5 + 1."""
    root = tmp_path / "mall_dataset"
    for n in FRAMES:
        save_image(root / "frames" / f"seq_{n:06d}.jpg")
    kinds = [{"loc": np.array([[n % 5 + 1, 4.0]] * (n % 3)).reshape(-1, 2)} for n in range(15)]
    located = [kinds[n % 15] for n in range(1, 806)]
    count = np.array([[n % 3] for n in range(1, 806)], dtype=float)
    save_mat(root / "mall_gt.mat", {"frame": located, "count": count})
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[:, :2] = 1
    save_mat(root / "perspective_roi.mat", {"pMapN": np.ones((40, 60)), "roi": {"mask": mask}})
    return tmp_path


def numbers(dataset):
    return [int(entry.image.stem[-6:]) for entry in dataset.entries]


def test_splits(downloaded):
    assert numbers(Mall(root=downloaded)) == [1, 2, 720]
    assert numbers(Mall(root=downloaded, split="validation")) == [721, 800]
    assert numbers(Mall(root=downloaded, split="test")) == [801, 805]
    assert numbers(Mall(root=downloaded, split="all")) == list(FRAMES)
    assert numbers(Mall(root=downloaded, validation_last=0)) == [1, 2, 720, 721, 800]


def test_a_frame_has_its_own_people(downloaded):
    dataset = Mall(root=downloaded, split="all")
    found = [dataset.annotation(i).points.tolist() for i in range(len(dataset))]
    assert found == [[[n % 5 + 0.5, 3.5]] * (n % 3) for n in FRAMES]


def test_the_region_is_an_option(downloaded):
    assert Mall(root=downloaded, split="test").annotation(0).roi is None
    roi = Mall(root=downloaded, split="test", roi=True)[0].roi
    assert roi.sum() == 80
    assert roi[:, :2].all()


def test_a_region_of_another_size_is_refused(downloaded, save_mat):
    path = downloaded / "mall_dataset" / "perspective_roi.mat"
    save_mat(path, {"roi": {"mask": np.ones((3, 4), dtype=np.uint8)}})
    with pytest.raises(DataError, match=r"perspective_roi.mat: the mask is 4 x 3 pixels"):
        Mall(root=downloaded, split="test", roi=True).annotation(0)
    save_mat(path, {"pMapN": np.ones((40, 60))})
    with pytest.raises(DataError, match=r"no mask: expected roi.mask, found variables pMapN"):
        Mall(root=downloaded, split="test", roi=True).annotation(0)


def test_a_truth_of_too_few_frames_is_named(downloaded, save_mat):
    save_mat(downloaded / "mall_dataset" / "mall_gt.mat", {"frame": [{"loc": np.ones((1, 2))}] * 9})
    report = check(Mall(root=downloaded, split="all"))
    assert [finding.name for finding in report.findings] == [
        f"frames/seq_{n:06d}.jpg" for n in FRAMES[2:]
    ]
    assert r"expected frame{805}.loc" in report.findings[-1].message


def test_holding_out_all_frames_is_refused(downloaded):
    for last in (-1, 800):
        with pytest.raises(UsageError, match="expected 0 to 799"):
            Mall(root=downloaded, validation_last=last)


def test_a_folder_without_it_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected frames in it"):
        Mall(root=tmp_path)


def test_contract(downloaded):
    check_dataset(Mall(root=downloaded, split="all", roi=True))
