"""Zones from JSON, from annotation tools, and from images of labels."""

import json

import numpy as np
import pytest
from PIL import Image

from crowdkit_core.errors import DataError
from crowdkit_core.inference import read_zones
from crowdkit_core.inference.zones import divide

SIZE = (20, 30)
STAGE = [[2, 1], [9, 1], [9, 6], [2, 6]]
PLAZA = [[10, 2], [28, 2], [28, 18], [10, 18]]
EXPECTED = {"stage": 35, "plaza": 288}


def pixels(path):
    division = divide(SIZE, zones=read_zones(path))
    return dict(zip(division.names, division.pixels[1:], strict=True))


def labelme(*shapes, size=SIZE):
    return {
        "version": "5.5.0",
        "shapes": [
            {"label": label, "points": points, "shape_type": kind} for label, kind, points in shapes
        ],
        "imagePath": "photo.jpg",
        "imageHeight": size[0],
        "imageWidth": size[1],
    }


def geojson(*features):
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": properties,
                "geometry": {"type": kind, "coordinates": coordinates},
            }
            for properties, kind, coordinates in features
        ],
    }


def cvat(*shapes, size=SIZE, images=1):
    inside = "".join(shapes)
    image = f'<image id="0" name="photo.jpg" width="{size[1]}" height="{size[0]}">{inside}</image>'
    return f"<annotations><version>1.1</version>{image * images}</annotations>"


def cvat_polygon(label, corners):
    points = ";".join(f"{x},{y}" for x, y in corners)
    return f'<polygon label="{label}" occluded="0" points="{points}" z_order="0"/>'


CVAT_BOX = '<box label="plaza" xtl="10" ytl="2" xbr="28" ybr="18" occluded="0"/>'
DOT = '<points label="person" points="3.0,4.0"/>'

TEXTS = {
    "plain.json": json.dumps({"stage": STAGE, "plaza": [PLAZA]}),
    "labelme.json": json.dumps(
        labelme(
            ("person", "point", [[3, 4]]),
            ("stage", "polygon", STAGE),
            ("plaza", "rectangle", [[28, 18], [10, 2]]),
        )
    ),
    "some.geojson": json.dumps(
        geojson(
            ({"name": "stage"}, "Polygon", [[*STAGE, STAGE[0]]]),
            ({"classification": {"name": "plaza"}}, "MultiPolygon", [[PLAZA]]),
            ({}, "Point", [3, 4]),
        )
    ),
    "cvat.xml": cvat(DOT, cvat_polygon("stage", STAGE), CVAT_BOX),
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_tool_gives_the_same_zones(tmp_path, name):
    (tmp_path / name).write_text(TEXTS[name])
    assert pixels(tmp_path / name) == EXPECTED


@pytest.mark.parametrize("name", ["labels.png", "palette.png", "deep.png", "labels.npy"])
def test_images_of_labels(tmp_path, name):
    labels = np.zeros(SIZE, dtype=np.uint8)
    labels[1:6, 2:9], labels[2:18, 10:28] = 1, 40
    file = tmp_path / name
    if name == "labels.npy":
        np.save(file, labels)
    elif name == "palette.png":
        image = Image.fromarray(labels, mode=None).convert("P")
        image.putdata(labels.ravel().tolist())
        image.putpalette([200, 10, 10] * 256)
        image.save(file)
    else:
        Image.fromarray(labels.astype(np.uint16) if name == "deep.png" else labels).save(file)
    assert pixels(file) == {"1": 35, "40": 288}


def test_a_hole_is_not_in_its_zone(tmp_path):
    file = tmp_path / "ring.geojson"
    inner = [[12, 4], [20, 4], [20, 10], [12, 10]]
    file.write_text(json.dumps(geojson(({"name": "ring"}, "Polygon", [PLAZA, inner]))))
    assert pixels(file) == {"ring": 288 - 48}


def test_every_part_that_is_excluded_may_have_the_same_name(tmp_path):
    file = tmp_path / "cvat.xml"
    shapes = [cvat_polygon("exclude", corners) for corners in (STAGE, PLAZA)]
    file.write_text(cvat(*shapes, cvat_polygon("all", [[0, 0], [30, 0], [30, 20], [0, 20]])))
    assert pixels(file) == {"all": 600 - 35 - 288}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("none.json", None, "no such file"),
        ("empty.json", "", "an empty file"),
        ("empty.xml", "", "an empty file"),
        ("zones.txt", "stage", "unknown kind of file"),
        ("list.json", "[[0, 0], [3, 0], [3, 3]]", "expected polygons by name"),
        ("twice.json", '{"a": [[0,0],[3,0],[3,3]], "a": []}', "'a' occurs twice"),
        ("cut.json", '{"a": [[0,0]', "not JSON"),
        ("flat.json", '{"a": [0, 3]}', "zone 'a' is not a polygon"),
        ("other.xml", "<root/>", "XML, but no CVAT for images 1.1"),
        ("two.xml", cvat(CVAT_BOX, images=2), "areas in 2 images, expected them in one"),
        (
            "mask.xml",
            cvat('<ellipse label="a" cx="3" cy="3" rx="2" ry="2"/>'),
            "ellipse, expected polygon or box",
        ),
        ("same.xml", cvat(CVAT_BOX, CVAT_BOX), "2 zones named 'plaza'"),
        ("dots.xml", cvat(DOT), "no zones"),
        (
            "size.xml",
            cvat(CVAT_BOX, size=(40, 60)),
            "images of 60 x 40 pixels, this one is 30 x 20",
        ),
        (
            "size.json",
            json.dumps(labelme(("a", "polygon", PLAZA), size=(40, 60))),
            "images of 60 x 40 pixels, this one is 30 x 20",
        ),
        (
            "circle.json",
            json.dumps(labelme(("a", "circle", [[3, 3], [5, 5]]))),
            "circle, expected polygon or rectangle",
        ),
        ("line.json", json.dumps(labelme(("a", "polygon", STAGE[:2]))), "is not a polygon"),
        (
            "nameless.geojson",
            json.dumps(geojson(({}, "Polygon", [PLAZA]))),
            "a zone without a name",
        ),
        (
            "numbers.geojson",
            json.dumps(geojson(({"name": "a"}, "Polygon", 3))),
            "coordinates 3, expected lists of numbers",
        ),
    ],
)
def test_files_that_are_no_zones(tmp_path, name, text, said):
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    with pytest.raises(DataError) as caught:
        divide(SIZE, zones=read_zones(file))
    assert said in caught.value.message
    assert name in caught.value.message


def test_pictures_that_are_no_labels(tmp_path):
    picture = Image.new("RGB", (30, 20), (255, 0, 0))
    picture.save(tmp_path / "colours.png")
    picture.save(tmp_path / "smeared.jpg")
    (tmp_path / "damaged.npy").write_bytes(b"nothing")
    for name, said in {
        "colours.png": "an image in colours",
        "smeared.jpg": "JPEG smears values",
        "damaged.npy": "cannot be read",
    }.items():
        with pytest.raises(DataError, match=said) as caught:
            read_zones(tmp_path / name)
        assert name in caught.value.message
