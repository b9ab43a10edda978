"""`crowdkit data convert --update`: corrections of some images, as a tool exports them."""

import json

import pytest
from PIL import Image

from crowdkit_core.data.annotations import convert, read_annotations
from crowdkit_core.errors import SizeMismatchError, UsageError


@pytest.fixture
def files(tmp_path):
    """A table of three images, and a correction of one from Label Studio."""
    (tmp_path / "old.csv").write_text(
        "image,x,y,split\na.jpg,1,2,train\na.jpg,3,4,train\nb.jpg,5,6,test\nc.jpg,,,train\n"
    )
    result = {
        "id": "1", "type": "keypointlabels", "original_width": 100, "original_height": 100,
        "value": {"x": 7, "y": 8, "keypointlabels": ["person"]},
    }  # fmt: skip
    tasks = [
        {"data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"}, "annotations": [{"result": [result]}]},
        {"data": {"image": "/data/upload/1/0a1b2c3d-b.jpg"}, "annotations": []},
    ]
    (tmp_path / "corrected.json").write_text(json.dumps(tasks))
    return tmp_path


def test_the_report(crowdkit, files):
    arguments = ("data", "convert", files / "old.csv", files / "new.csv")
    done = crowdkit(*arguments, "--update", files / "corrected.json")
    assert done.code == 0, done.err
    assert "2 points of 3 images" in done.out
    assert "replaced: 1 images, 2 points by 1" in done.out
    assert "added: 0 images, 0 points" in done.out
    assert "unchanged: 2 images, 1 points" in done.out
    images = read_annotations(files / "new.csv")
    assert {i.name: [(m.x, m.y) for m in i.marks] for i in images} == {
        "a.jpg": [(7, 8)],
        "b.jpg": [(5, 6)],  # its task was not annotated again
        "c.jpg": [],
    }
    assert [image.split for image in images] == ["train", "test", "train"]


def test_as_json(crowdkit, files):
    arguments = ("data", "convert", files / "old.csv", files / "new.csv", "--json")
    done = crowdkit(*arguments, "--update", files / "corrected.json")
    assert done.json["update"] == {
        "replaced": {"a.jpg": [2, 1]},
        "added": {},
        "unchanged": {"b.jpg": 1, "c.jpg": 0},
    }


def test_the_old_file_is_replaced_when_asked_alone(crowdkit, files):
    before = (files / "old.csv").read_text()
    arguments = ("data", "convert", files / "old.csv", files / "old.csv")
    update = ("--update", files / "corrected.json")
    assert crowdkit(*arguments, *update).code == 2
    assert (files / "old.csv").read_text() == before
    assert crowdkit(*arguments, *update, "--overwrite").code == 0
    assert len(read_annotations(files / "old.csv")) == 3


def test_unknown_images(crowdkit, files):
    (files / "more.csv").write_text("image,x,y\nd.jpg,1,2\n")
    arguments = ("data", "convert", files / "old.csv", files / "new.csv")
    update = ("--update", files / "more.csv")
    refused = crowdkit(*arguments, *update)
    assert refused.code == 1
    assert "more.csv: not in the annotations to be corrected: 'd.jpg'" in refused.err
    assert not (files / "new.csv").exists()
    assert crowdkit(*arguments, *update, "--add").code == 0
    assert len(read_annotations(files / "new.csv")) == 4


def test_adding_needs_an_update(crowdkit, files):
    done = crowdkit("data", "convert", files / "old.csv", files / "new.csv", "--add")
    assert done.code == 2
    assert "--add goes with --update alone" in done.err
    with pytest.raises(UsageError, match="goes with an update"):
        convert(files / "old.csv", files / "new.csv", add=True)


def test_sizes_are_those_of_the_images(files):
    (files / "photos").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        Image.new("RGB", (50, 50)).save(files / "photos" / name)
    with pytest.raises(SizeMismatchError, match="annotated at 100 x 100 pixels"):
        convert(
            files / "old.csv",
            files / "new.csv",
            update=files / "corrected.json",
            images=files / "photos",
        )
