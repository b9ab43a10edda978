import json

import numpy as np
import pytest
import scipy.io

from crowdkit_core.data import NWPU, check
from crowdkit_core.errors import DataError, OptionsError
from crowdkit_core.testing import check_dataset

POINTS = {"0001": [[10.5, 20.0], [30.0, 5.25]], "0002": [], "0003": [[1.0, 2.0]]}
BOXES = {"0001": [[8, 16, 13, 24], [27, 4, 33, 7]], "0002": [], "0003": [[0, 1, 2, 4]]}


def as_json(root, stem, **changes):
    record = {
        "img_id": f"{stem}.jpg",
        "human_num": len(POINTS[stem]),
        "points": POINTS[stem],
        "boxes": BOXES[stem],
    } | changes
    (root / "jsons").mkdir(exist_ok=True)
    (root / "jsons" / f"{stem}.json").write_text(json.dumps(record))


def as_mat(root, stem):
    (root / "mats").mkdir(exist_ok=True)
    points = np.array(POINTS[stem], dtype=float).reshape(-1, 2)
    boxes = np.array(BOXES[stem], dtype=float).reshape(-1, 4)
    scipy.io.savemat(root / "mats" / f"{stem}.mat", {"annPoints": points, "annBoxes": boxes})


@pytest.fixture(params=[as_json, as_mat])
def downloaded(request, tmp_path, save_image):
    """Training images 0001 and 0002 (nobody), validation image 0003, test image 0004."""
    root = tmp_path / "NWPU-Crowd"
    for number, stem in enumerate(["0001", "0002", "0003", "0004"]):
        save_image(root / f"images_part{number % 2 + 1}" / f"{stem}.jpg")
    for stem in POINTS:
        request.param(root, stem)
    (root / "train.txt").write_text("0001 1 1\n0002 0 0\n")
    (root / "val.txt").write_text("0003 2 1\n")
    (root / "test.txt").write_text("0004\n")
    return tmp_path


def test_splits_are_the_makers(downloaded):
    names = {
        split: [entry.name for entry in NWPU(root=downloaded, split=split).entries]
        for split in ("train", "validation", "all")
    }
    assert names["train"] == ["images/0001.jpg", "images/0002.jpg"]
    assert names["validation"] == ["images/0003.jpg"]
    assert names["all"] == names["train"] + names["validation"]


def test_points_are_read_as_they_stand(downloaded):
    dataset = NWPU(root=downloaded, split="all")
    assert [dataset.annotation(i).points.tolist() for i in range(3)] == list(POINTS.values())


def test_boxes_give_each_head_its_size(downloaded):
    dataset = NWPU(root=downloaded)
    lengths = dataset.annotation(0).lengths
    assert lengths["head_width"].tolist() == [5, 6]
    assert lengths["head_height"].tolist() == [8, 3]
    assert dataset[1].lengths == {}  # nobody is there


def test_the_group_is_the_luminance(downloaded):
    dataset = NWPU(root=downloaded, split="all")
    groups = [dataset.annotation(i).group for i in range(3)]
    assert groups == ["luminance 1", "luminance 0", "luminance 2"]


def test_test_labels_are_held_back(downloaded):
    with pytest.raises(DataError, match="hold back the annotations of test images") as caught:
        NWPU(root=downloaded, split="test")
    assert "validation" in caught.value.hint


@pytest.fixture
def with_jsons(tmp_path, save_image):
    for stem in POINTS:
        save_image(tmp_path / "images" / f"{stem}.jpg")
        as_json(tmp_path, stem)
    (tmp_path / "train.txt").write_text("0001 1 1\n0002 0 0\n0003 2 1\n")
    (tmp_path / "val.txt").write_text("")
    return tmp_path


def test_a_download_without_boxes_has_no_sizes(with_jsons):
    as_json(with_jsons, "0001", boxes=None)
    assert dict(NWPU(root=with_jsons).annotation(0).lengths) == {}


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"human_num": 3}, "2 points, but human_num says 3"),
        ({"boxes": [[1, 2, 3, 4]]}, "2 points, but 1 boxes"),
        ({"points": None}, "no points"),
        ({"points": [[1, 2, 3]] * 2}, r"points have shape \(2, 3\), expected N x 2"),
        ({"points": [["a", 2], [1, 2]]}, "points are not numbers"),
        ({"points": [[1, 2], [1]]}, "points are not numbers"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused_by_name(with_jsons, changes, cause):
    as_json(with_jsons, "0001", **changes)
    with pytest.raises(DataError, match=rf"0001.json: {cause}"):
        NWPU(root=with_jsons).annotation(0)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"points": [[NaN, 1]], "human_num": 1}'])
def test_a_damaged_record_is_refused_by_name(with_jsons, content):
    (with_jsons / "jsons" / "0001.json").write_text(content)
    report = check(NWPU(root=with_jsons))
    [finding] = [each for each in report.findings if each.is_error]
    assert "0001.json" in finding.message


def test_a_list_without_levels_is_refused_by_line(with_jsons):
    (with_jsons / "train.txt").write_text("0001 1 1\n0002\n")
    with pytest.raises(DataError, match=r"train.txt: line 2: '0002', expected id, luminance"):
        NWPU(root=with_jsons)


def test_lists_of_ids_alone_have_no_groups(with_jsons):
    (with_jsons / "train.txt").write_text("0001\n0002\n")
    dataset = NWPU(root=with_jsons)
    assert [entry.name for entry in dataset.entries] == ["images/0001.jpg", "images/0002.jpg"]
    assert [dataset.annotation(i).group for i in range(2)] == ["", ""]
    (with_jsons / "train.txt").write_text("0001\n0002 0 0\n")
    with pytest.raises(DataError, match=r"train.txt: line 1: '0001', expected id, luminance"):
        NWPU(root=with_jsons)


def test_missing_files_are_named(with_jsons):
    (with_jsons / "jsons" / "0001.json").unlink()
    (with_jsons / "images" / "0002.jpg").unlink()
    dataset = NWPU(root=with_jsons)
    with pytest.raises(DataError, match=r"0001.json: no such annotation file"):
        dataset.annotation(0)
    with pytest.raises(DataError, match=r"0002.jpg: no such file"):
        dataset.annotation(1)


def test_a_folder_without_it_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"expected train.txt in it"):
        NWPU(root=tmp_path)


def test_every_split_is_resized_alike(downloaded, assert_twice_as_large):
    for split in ("train", "validation"):
        resized = NWPU(root=downloaded, split=split, long_side=(120, 120))
        assert_twice_as_large(resized, NWPU(root=downloaded, split=split))
    check_dataset(NWPU(root=downloaded, split="all", long_side=(1, 17)))


def test_impossible_bounds_are_refused(downloaded):
    with pytest.raises(OptionsError, match=r"long_side \(20, 10\)"):
        NWPU(root=downloaded, long_side=(20, 10))


def test_contract(downloaded):
    check_dataset(NWPU(root=downloaded, split="all"))
