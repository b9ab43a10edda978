import pytest

from crowdkit_core.data import JHU, Augmentation
from crowdkit_core.errors import DataError, OptionsError
from crowdkit_core.testing import check_dataset

HEADS = "10 20 5 8 1 0\n30 5 6 3 3 1\n"


@pytest.fixture
def downloaded(tmp_path, save_image):
    """One image with two heads and one with none in each split; the second is in fog."""
    root = tmp_path / "jhu_crowd_v2.0"
    for name, first in (("train", 1), ("val", 3), ("test", 5)):
        for stem, heads in ((f"{first:04d}", HEADS), (f"{first + 1:04d}", "")):
            save_image(root / name / "images" / f"{stem}.jpg")
            gt = root / name / "gt"
            gt.mkdir(exist_ok=True)
            (gt / f"{stem}.txt").write_text(heads)
        (root / name / "image_labels.txt").write_text(
            f"{first:04d},2,stadium,0,0\n{first + 1:04d},0,street,1,1\n"
        )
    return tmp_path


def test_splits_are_the_makers(downloaded):
    names = {
        split: [entry.name for entry in JHU(root=downloaded, split=split).entries]
        for split in ("train", "validation", "test", "all")
    }
    assert names["train"] == ["train/images/0001.jpg", "train/images/0002.jpg"]
    assert names["validation"] == ["val/images/0003.jpg", "val/images/0004.jpg"]
    assert names["test"] == ["test/images/0005.jpg", "test/images/0006.jpg"]
    assert names["all"] == names["train"] + names["validation"] + names["test"]


def test_heads_and_their_sizes(downloaded):
    dataset = JHU(root=downloaded / "jhu_crowd_v2.0")
    annotation = dataset.annotation(0)
    assert annotation.points.tolist() == [[10, 20], [30, 5]]
    assert annotation.lengths["head_width"].tolist() == [5, 6]
    assert annotation.lengths["head_height"].tolist() == [8, 3]
    assert dataset.annotation(1).points.shape == (0, 2)


def test_sizes_stay_with_their_heads_under_augmentation(downloaded):
    sample = JHU(root=downloaded)[0]
    twice = Augmentation(scale=(2.0, 2.0), flip=1.0)(sample, seed=0)
    assert twice.points.tolist() == [[100, 40], [60, 10]]
    assert twice.lengths["head_width"].tolist() == [10, 12]


def test_the_group_is_the_weather(downloaded):
    dataset = JHU(root=downloaded)
    assert [dataset.annotation(i).group for i in range(2)] == ["clear", "weather"]
    labels = downloaded / "jhu_crowd_v2.0" / "train" / "image_labels.txt"
    labels.write_text("0001,2\n")
    with pytest.raises(DataError, match=r"image_labels.txt: line 1"):
        JHU(root=downloaded)
    labels.unlink()
    assert JHU(root=downloaded).annotation(0).group == ""


@pytest.mark.parametrize(
    ("line", "cause"),
    [("10 20 5 8", "expected x y w h occlusion blur"), ("a 20 5 8 1 0", "could not convert")],
)
def test_a_bad_line_is_refused_by_number(downloaded, line, cause):
    truth = downloaded / "jhu_crowd_v2.0" / "train" / "gt" / "0001.txt"
    truth.write_text(f"10 20 5 8 1 0\n{line}\n")
    with pytest.raises(DataError, match=rf"0001.txt: line 2: .*{cause}"):
        JHU(root=downloaded).annotation(0)


def test_missing_halves_are_named(downloaded):
    root = downloaded / "jhu_crowd_v2.0" / "test"
    (root / "gt" / "0005.txt").unlink()
    (root / "images" / "0006.jpg").unlink()
    dataset = JHU(root=downloaded, split="test")
    with pytest.raises(DataError, match=r"0005.txt: no such annotation file"):
        dataset.annotation(0)
    with pytest.raises(DataError, match=r"0006.jpg: no such file"):
        dataset.annotation(1)


def test_a_folder_without_it_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected train/images or test/images in it"):
        JHU(root=tmp_path)


def test_every_split_is_resized_alike(downloaded, assert_twice_as_large):
    for split in ("train", "validation"):
        resized = JHU(root=downloaded, split=split, long_side=(120, 120))
        assert_twice_as_large(resized, JHU(root=downloaded, split=split))
    check_dataset(JHU(root=downloaded, split="all", long_side=(1, 17)))


def test_impossible_bounds_are_refused(downloaded):
    with pytest.raises(OptionsError, match=r"long_side \(20, 10\)"):
        JHU(root=downloaded, long_side=(20, 10))


def test_contract(downloaded):
    check_dataset(JHU(root=downloaded, split="all"))
