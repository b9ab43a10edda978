"""Data sets written as annotation files: names, places, sizes, boxes, and what is not carried."""

import json

import pytest

from crowdkit_core import create
from crowdkit_core.data.annotations import read_annotations
from crowdkit_core.data.datasets.exporting import export
from crowdkit_core.errors import UsageError


@pytest.fixture
def shanghaitech(tmp_path, save_image, save_shanghaitech_mat):
    """IMG_1 with one person in training and test images, IMG_2 with nobody."""
    root = tmp_path / "data"
    for data in ("train_data", "test_data"):
        folder = root / "part_A_final" / data
        for n, points in ((1, [[30.25, 7.5]]), (2, [])):
            save_image(folder / "images" / f"IMG_{n}.jpg")
            save_shanghaitech_mat(folder / "ground_truth" / f"GT_IMG_{n}.mat", points)
    return root


def splits(name, *found, **options):
    return [create("dataset", name, split=split, **options) for split in found]


def test_coco_of_shanghaitech(shanghaitech, tmp_path):
    done = export(
        splits("shanghaitech", "train", "test", root=shanghaitech), tmp_path / "a.json", to="coco"
    )
    assert (done.images, done.points, done.splits) == (4, 2, {"train": 2, "test": 2})
    assert done.lost == {"splits": 4}
    document = json.loads((tmp_path / "a.json").read_text())
    assert [each["file_name"] for each in document["images"]] == [
        f"part_A_final/{data}/images/IMG_{n}.jpg"
        for data in ("train_data", "test_data")
        for n in (1, 2)
    ]
    assert {(each["height"], each["width"]) for each in document["images"]} == {(40, 60)}
    # MATLAB counts pixels from 1, COCO from 0.
    assert [each["keypoints"][:2] for each in document["annotations"]] == [[29.25, 6.5]] * 2


def test_no_image_is_decoded(shanghaitech, tmp_path):
    for image in shanghaitech.rglob("*.jpg"):
        image.write_bytes(image.read_bytes()[:700])
    found = splits("shanghaitech", "test", root=shanghaitech)
    assert export(found, tmp_path / "a.csv").points == 1


def test_a_csv_is_read_back_as_the_same_data_set(shanghaitech, tmp_path):
    options = {"root": shanghaitech, "validation_every": 2}
    export(splits("shanghaitech", "train", "validation", "test", **options), tmp_path / "a.csv")
    for split in ("train", "validation", "test"):
        ours = create(
            "dataset", "folder", root=shanghaitech, annotations=tmp_path / "a.csv", split=split
        )
        theirs = create("dataset", "shanghaitech", split=split, **options)
        assert len(ours) == len(theirs)
        for index in range(len(ours)):
            assert ours[index].image.equal(theirs[index].image)
            assert ours[index].points.equal(theirs[index].points)


@pytest.fixture
def jhu(tmp_path, save_image):
    root = tmp_path / "jhu"
    save_image(root / "train" / "images" / "0001.jpg")
    (root / "train" / "gt").mkdir()
    (root / "train" / "gt" / "0001.txt").write_text("10.3 20 5 8 1 0\n61 5 6 3 3 1\n")
    (root / "train" / "image_labels.txt").write_text("0001,2,stadium,0,0\n")
    return root


def test_heads_of_known_size_have_boxes_and_all_else_is_listed(jhu, tmp_path):
    done = export(splits("jhu", "train", root=jhu), tmp_path / "a.json", to="coco")
    assert done.lost == {
        "blur": 2,
        "groups": 1,
        "occlusion": 2,
        "places of points outside the image": 1,
        "splits": 1,
    }
    (image,) = read_annotations(tmp_path / "a.json")
    first, second = image.marks
    assert (first.x, first.y) == pytest.approx((10.3, 20), abs=1e-9)  # not 10.300000190734863
    assert first.box == pytest.approx((7.8, 16, 12.8, 24))
    assert (second.x, second.y) == (60, 5)  # on the border
    assert second.box == (58, 3.5, 64, 6.5)  # where it was annotated


def test_boxes_of_nwpu_stay_in_their_place(tmp_path, save_image):
    root = tmp_path / "nwpu"
    save_image(root / "images" / "0001.jpg")
    (root / "train.txt").write_text("0001 1 2\n")
    (root / "val.txt").write_text("")
    (root / "jsons").mkdir()
    heads = {"points": [[10, 8]], "boxes": [[7, 5, 15, 12]], "human_num": 1}
    (root / "jsons" / "0001.json").write_text(json.dumps(heads))
    export(splits("nwpu", "train", root=root), tmp_path / "a.csv")
    (image,) = read_annotations(tmp_path / "a.csv")
    assert image.name == "images/0001.jpg"
    assert [(mark.x, mark.y, *mark.box) for mark in image.marks] == [(10, 8, 7, 5, 15, 12)]


def test_a_folder_keeps_labels_and_counts_regions(tmp_path, save_image):
    root = tmp_path / "photos"
    save_image(root / "a.png")
    save_image(root / "masks" / "a.png")
    (root / "annotations.csv").write_text(
        "image,x,y,label,left,top,right,bottom\na.png,5,6,child,2,3,9,10\n"
    )
    found = splits("folder", "train", root=root, roi="masks", one_based=True, validation_every=0)
    done = export(found, tmp_path / "a.csv")
    assert done.lost == {"regions of interest": 1, "image sizes": 1}
    (image,) = read_annotations(tmp_path / "a.csv")
    (mark,) = image.marks
    assert (mark.x, mark.y, mark.label) == (4.5, 5.5, "child")
    assert mark.box == (1.5, 2.5, 8.5, 9.5)


def test_lengths_without_a_place_are_counted(tmp_path):
    found = splits("synthetic", "train", images=1, size=(64, 96), people=(3, 3))
    done = export(found, tmp_path / "a.csv")
    assert done.lost["lengths head"] == done.points == 3


def test_resized_images_are_refused(jhu, tmp_path):
    found = splits("jhu", "train", root=jhu, long_side=(120, 120))
    with pytest.raises(UsageError, match="given as 120 x 80 pixels, but the file has 60 x 40"):
        export(found, tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


def test_what_is_there_is_kept(jhu, tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        export(splits("jhu", "train", root=jhu), tmp_path / "a.csv")
    assert export(splits("jhu", "train", root=jhu), tmp_path / "a.csv", overwrite=True).points == 2
