"""What may be written where, and what the tools need to open it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from crowdkit_core.data.annotations import (
    FORMATS,
    Box,
    Mark,
    MarkedImage,
    convert,
    format_named,
    read_annotations,
    write_annotations,
)
from crowdkit_core.errors import DataError, UsageError


def image(name="a.jpg", *marks, **more):
    return MarkedImage(name=name, marks=marks or (Mark(3.0, 4.0),), **more)


def test_nothing_is_replaced_unless_asked(tmp_path):
    path = tmp_path / "a.csv"
    write_annotations(path, [image()])
    before = path.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        write_annotations(path, [image("b.jpg")])
    assert path.read_bytes() == before
    write_annotations(path, [image("b.jpg")], overwrite=True)
    assert path.read_bytes() != before


def test_one_image_of_a_folder_that_is_there_stops_all(tmp_path):
    write_annotations(tmp_path, [image("b.jpg")], format="labelme")
    with pytest.raises(UsageError, match=r"b\.json is there already"):
        write_annotations(tmp_path, [image("a.jpg"), image("b.jpg")], format="labelme")
    assert [file.name for file in tmp_path.iterdir()] == ["b.json"]


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "x/../../a.jpg", "", "a\x00.jpg"])
@pytest.mark.parametrize("format", ["txt", "csv", "labelme", "cvat"])
def test_names_stay_in_their_folder(tmp_path, name, format):
    target = tmp_path / "out" / f"a{'' if FORMATS[format].per_image else FORMATS[format].suffix}"
    with pytest.raises(DataError, match="image '"):
        write_annotations(target, [image(name)], format=format)
    assert list(tmp_path.iterdir()) == []


def test_two_images_of_one_name_are_refused(tmp_path):
    for format, names in {"txt": ("a.jpg", "a.png"), "nwpu-text": ("day/a.jpg", "a.jpg")}.items():
        path = tmp_path / ("out.txt" if format == "nwpu-text" else "out")
        with pytest.raises(DataError, match="have one name, 'a'"):
            write_annotations(path, [image(name) for name in names], format=format)


def test_a_size_is_needed_for_per_cent(tmp_path):
    with pytest.raises(DataError, match="per cent of the image's size") as caught:
        write_annotations(tmp_path / "a.json", [image()], format="label-studio")
    assert "folder of the images" in caught.value.hint


def test_the_ending_says_the_format_or_it_is_asked_for(tmp_path):
    assert write_annotations(tmp_path / "a.xml", [image()]) == "cvat"
    with pytest.raises(UsageError, match="does not say in which format"):
        write_annotations(tmp_path / "a.txt", [image()])
    with pytest.raises(UsageError, match=r"coco is written as \.json"):
        write_annotations(tmp_path / "a.xml", [image()], format="coco")
    with pytest.raises(UsageError, match="did you mean 'label-studio'"):
        format_named("labelstudio")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "night").mkdir(parents=True)
    Image.new("RGB", (60, 40)).save(folder / "night" / "a.png")
    return folder


def test_labelme_finds_the_image_from_its_file(tmp_path, photos):
    write_annotations(tmp_path / "in.csv", [image("a")])
    convert(tmp_path / "in.csv", tmp_path / "out", to="labelme", images=photos)
    file = tmp_path / "out" / "night" / "a.json"
    written = json.loads(file.read_text())
    assert (file.parent / written["imagePath"]).resolve() == photos / "night" / "a.png"
    assert (written["imageHeight"], written["imageWidth"]) == (40, 60)


def test_via_knows_an_image_by_its_name_and_bytes(tmp_path, photos):
    write_annotations(tmp_path / "in.csv", [image("a")])
    convert(tmp_path / "in.csv", tmp_path / "out.json", to="via-json", images=photos)
    size = (photos / "night" / "a.png").stat().st_size
    assert set(json.loads((tmp_path / "out.json").read_text())) == {f"night/a.png{size}"}


def test_coco_is_complete(tmp_path):
    head = Mark(10.0, 12.0, label="head", box=Box(6.0, 8.0, 14.0, 16.0))
    write_annotations(
        tmp_path / "a.json", [image("a.jpg", head, Mark(1.0, 2.0), size=(40, 60))], format="coco"
    )
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["images"] == [{"id": 1, "file_name": "a.jpg", "height": 40, "width": 60}]
    first, second = written["annotations"]
    assert (first["bbox"], first["area"]) == ([6, 8, 8, 8], 64)
    assert first["keypoints"] == [9.5, 11.5, 2]
    assert second["bbox"] == [1, 2, 0, 0]
    assert {each["name"] for each in written["categories"]} == {"head", "person"}
    assert len({each["id"] for each in written["annotations"]}) == 2


def test_nwpu_text_is_in_whole_pixels(tmp_path):
    """The benchmark's own program reads integers only."""
    write_annotations(
        tmp_path / "a.txt", [image("images/3110.jpg", Mark(1.7, 2.2)), image("b.jpg")],
        format="nwpu-text",
    )  # fmt: skip
    assert (tmp_path / "a.txt").read_text() == "3110 1 2 2\nb 1 3 4\n"
    with pytest.raises(DataError, match=rf"^{tmp_path}/b\.txt: 'a b\.jpg': .*no spaces"):
        write_annotations(tmp_path / "b.txt", [image("a b.jpg")], format="nwpu-text")


def test_what_is_lost_is_counted(tmp_path):
    people = [
        Mark(10.0, 12.0, "head", 0.5, Box(6.0, 8.0, 14.0, 16.0)),
        Mark(10.5, 8.0, "head", None, Box(6.0, 8.0, 15.0, 16.0)),
    ]
    write_annotations(tmp_path / "in.csv", [image("a.jpg", *people, split="train")])

    def lost(target, to=None):
        return dict(convert(tmp_path / "in.csv", tmp_path / target, to=to).lost)

    assert lost("a.json") == {}
    assert lost("a.xml") == {"scores": 1, "boxes": 1}
    assert lost("via.csv", "via-csv") == {"boxes": 1, "splits": 1}
    assert lost("nwpu.txt", "nwpu-text") == {
        "labels": 2, "scores": 1, "boxes": 2, "splits": 1, "fractions of a pixel": 1,
    }  # fmt: skip
    assert len(read_annotations(tmp_path / "nwpu.txt")[0].marks) == 2


def test_images_that_cannot_be_found_are_named(tmp_path, photos):
    write_annotations(tmp_path / "in.csv", [image("c.png")])
    with pytest.raises(DataError, match=r"'c\.png': no such image"):
        convert(tmp_path / "in.csv", Path(tmp_path / "out.json"), images=photos)
