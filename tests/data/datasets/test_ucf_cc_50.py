import numpy as np
import pytest
import scipy.io

from crowdkit_core.data import UCFCC50
from crowdkit_core.errors import DataError
from crowdkit_core.testing import check_dataset


@pytest.fixture
def downloaded(tmp_path, save_image):
    for n in range(1, 51):
        save_image(tmp_path / f"{n}.jpg")
        points = [[-300.0, 5.0]] if n in (6, 20) else [[n, 5.0]]
        scipy.io.savemat(tmp_path / f"{n}_ann.mat", {"annPoints": np.array(points)})
    return tmp_path


def names(root, fold, split):
    return [entry.name for entry in UCFCC50(root=root, fold=fold, split=split).entries]


def test_five_folds_test_each_image_once(downloaded):
    tests = [names(downloaded, fold, "test") for fold in range(5)]
    assert tests[0] == [f"{n}.jpg" for n in range(1, 11)]
    assert sorted(name for test in tests for name in test) == sorted(
        f"{n}.jpg" for n in range(1, 51)
    )


@pytest.mark.parametrize("fold", range(5))
def test_splits_share_no_image(downloaded, fold):
    train, validation, test = (
        set(names(downloaded, fold, split)) for split in ("train", "validation", "test")
    )
    assert (len(train), len(validation), len(test)) == (36, 4, 10)
    assert len(train | validation | test) == 50


def test_the_two_published_stray_points_are_kept_on_the_border(downloaded):
    dataset = UCFCC50(root=downloaded, split="all")
    for index in (5, 19):
        annotation = dataset.annotation(index)
        assert annotation.clipped == 1
        assert annotation.points.tolist() == [[0.0, 4.5]]


def test_other_images_have_no_such_excuse(downloaded):
    scipy.io.savemat(downloaded / "7_ann.mat", {"annPoints": np.array([[-300.0, 5.0]])})
    with pytest.raises(DataError, match=r"7_ann.mat"):
        UCFCC50(root=downloaded, split="all").annotation(6)


def test_a_folder_without_it_is_refused(tmp_path):
    with pytest.raises(DataError, match="no images of UCF_CC_50"):
        UCFCC50(root=tmp_path)


def test_contract(downloaded):
    check_dataset(UCFCC50(root=downloaded))
