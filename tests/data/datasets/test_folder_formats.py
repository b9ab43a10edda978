"""The dataset `folder` and `check` on the files of every annotation tool."""

import json

import pytest

from crowdkit_core.data import Folder, check
from crowdkit_core.data.annotations import FORMATS, Box, Mark, MarkedImage, write_annotations
from crowdkit_core.errors import DataError, SizeMismatchError
from crowdkit_core.testing import check_dataset

SIZE = (40, 60)
BOXED = Mark(20.0, 10.0, "head", 0.5, Box(16.0, 7.0, 24.0, 13.0))
IMAGES = [
    MarkedImage(name="night/1.jpg", marks=(BOXED, Mark(5.0, 6.0, "head")), size=SIZE),
    MarkedImage(name="2.jpg", marks=(BOXED, Mark(9.0, 9.0, "car", 0.1)), size=SIZE),
    MarkedImage(name="3.jpg", marks=(), size=SIZE),
]


@pytest.fixture
def photos(tmp_path, save_image):
    for image in IMAGES:
        save_image(tmp_path / "photos" / image.name, SIZE)
    return tmp_path / "photos"


@pytest.mark.parametrize("format", [name for name in FORMATS if FORMATS[name].write])
def test_every_format_is_read_and_checked(photos, tmp_path, format):
    path = tmp_path / f"points{'' if FORMATS[format].per_image else FORMATS[format].suffix}"
    write_annotations(path, IMAGES, format=format)
    dataset = Folder(root=photos, annotations=path, split="all")
    points = {each.name: each.points.tolist() for each in map(dataset.annotation, range(3))}
    expected = {"night/1.jpg": [[20, 10], [5, 6]], "2.jpg": [[20, 10], [9, 9]], "3.jpg": []}
    within = FORMATS[format].precision
    assert points == {
        name: [pytest.approx(point, abs=within) for point in each]
        for name, each in expected.items()
    }
    check_dataset(dataset)
    report = check(photos, annotations=path)
    assert (report.ok, report.images, report.people) == (True, 3, 4)


def test_annotation_files_of_tools_are_found_beside_the_images(photos):
    write_annotations(photos, IMAGES, format="labelme")
    assert check(photos).people == 4
    for file in photos.rglob("*.json"):
        file.unlink()
    write_annotations(photos / "annotations.xml", IMAGES)
    assert check(photos).people == 4


def test_boxes_round_every_head_are_lengths(photos, tmp_path):
    path = tmp_path / "points.csv"
    whole = MarkedImage(name="2.jpg", marks=(BOXED, BOXED))
    write_annotations(path, [IMAGES[0], whole, IMAGES[2]])
    dataset = Folder(root=photos, annotations=path, split="all")
    lengths = {each.name: each.lengths for each in map(dataset.annotation, range(3))}
    assert lengths["2.jpg"]["head_width"].tolist() == [8, 8]
    assert lengths["2.jpg"]["head_height"].tolist() == [6, 6]
    assert lengths["night/1.jpg"] == {}
    of_people = Folder(root=photos, annotations=path, point="top", split="all")
    assert all(of_people.annotation(i).lengths == {} for i in range(3))


@pytest.mark.parametrize("name", ["points.csv", "points.xml"])
def test_labels_choose_people(photos, tmp_path, name):
    write_annotations(tmp_path / name, IMAGES)
    dataset = Folder(root=photos, annotations=tmp_path / name, labels=("head",), split="all")
    assert sum(len(dataset.annotation(i).points) for i in range(3)) == 3


@pytest.mark.parametrize("name", ["points.csv", "points.xml"])
def test_a_label_that_nothing_has_is_refused(photos, tmp_path, name):
    write_annotations(tmp_path / name, IMAGES)
    with pytest.raises(DataError, match=f"{name}: nothing is labelled 'heads'") as refused:
        Folder(root=photos, annotations=tmp_path / name, labels=("heads",), split="all")
    assert "head" in refused.value.hint


def test_a_folder_in_the_format_of_one_file_is_refused(photos):
    with pytest.raises(DataError, match="coco is one file of all images"):
        Folder(root=photos, format="coco", split="all")


def test_a_broken_file_is_a_finding(photos, tmp_path):
    (tmp_path / "points.xml").write_text("<annotations><image/></annotations>")
    [finding] = check(photos, annotations=tmp_path / "points.xml").findings
    assert "points.xml: image 1: name is None" in finding.message


@pytest.mark.parametrize("stated", [(20, 30), (60, 40)], ids=["half as large", "turned"])
def test_an_annotation_of_another_size_of_the_image_is_refused(photos, stated):
    height, width = stated
    shapes = [{"label": "p", "points": [[1, 2]], "shape_type": "point"}]
    document = {"shapes": shapes, "imageHeight": height, "imageWidth": width}
    (photos / "2.json").write_text(json.dumps({**document, "imagePath": "2.jpg"}))
    with pytest.raises(SizeMismatchError, match=rf"2.json.*{width} x {height}.*60 x 40"):
        Folder(root=photos, split="all", unannotated="empty").annotation(0)
