"""CVAT for images 1.1: points, boxes and outlines of all images in one XML file.

Coordinates are pixels from the image's top left corner, as everywhere in crowdkit.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from crowdkit_core.data.annotations.formats.format import (
    DEFAULT_LABEL,
    Format,
    Listed,
    Reading,
    any_content,
    listed,
)
from crowdkit_core.data.annotations.formats.records import Record, facts
from crowdkit_core.data.annotations.formats.shapes import (
    Corner,
    ellipse,
    is_turned,
    rectangle,
    turned,
)
from crowdkit_core.data.annotations.formats.xml_files import parse
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError

_OUTLINES = frozenset({"polygon", "polyline"})


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each point and each box; an outline or a turned shape stands for the box round it.

    Raises:
        DataError: The file is no such XML, declares entities, or holds tracks of a video.
    """
    root = parse(file)
    if root.tag != "annotations":
        raise DataError(f"{file}: <{root.tag}>, expected <annotations>")
    if root.find("track") is not None:
        raise DataError(
            f"{file}: holds the tracks of a video", hint="export it as 'CVAT for images 1.1'"
        )
    return listed(
        _read_image(file, number, image, reading.point)
        for number, image in enumerate(root.findall("image"), 1)
    )


def _is_cvat(file: TextFile) -> bool:
    """Whether it is such XML with an image."""
    root = parse(file)
    return root.tag == "annotations" and root.find("image") is not None


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """A point for each mark, or its box where the point is the box's centre."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    labels = SubElement(SubElement(SubElement(root, "meta"), "task"), "labels")
    for name in sorted({mark.label or DEFAULT_LABEL for each in images for mark in each.marks}):
        SubElement(SubElement(labels, "label"), "name").text = name
    for number, image in enumerate(images):
        element = SubElement(root, "image", {"id": str(number), "name": image.name})
        if image.split:
            element.set("subset", image.split)
        if image.size is not None:
            element.set("width", str(image.size[1]))
            element.set("height", str(image.size[0]))
        for mark in image.marks:
            _add(element, mark)
    indent(root)
    ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _read_image(file: TextFile, number: int, image: Element, point: BoxPoint) -> MarkedImage:
    record = Record(file, f"image {number}", image.attrib)
    name = record.text("name").replace("\\", "/")
    left_out: Counter[str] = Counter()
    marks: list[Mark] = []
    for index, shape in enumerate(image, 1):
        if shape.tag == "tag":
            left_out["labels of whole images"] += 1
            continue
        place = f"image {number} ({name}), {shape.tag} {index}"
        said = Record(file, place, shape.attrib)
        left_out["attributes"] += len(shape.findall("attribute"))
        left_out["outlines"] += shape.tag in (*_OUTLINES, "mask", "ellipse")
        left_out["rotations"] += is_turned(said.number("rotation", 0.0))
        left_out["occluded"] += shape.get("occluded") == "1"
        left_out["group_id"] += facts(shape.get("group_id"))
        marks += _marks(shape.tag, said, point)
    return MarkedImage(
        name=name,
        marks=tuple(marks),
        size=record.size("height", "width"),
        split=image.get("subset", ""),
        left_out=+left_out,
    )


def _marks(kind: str, shape: Record, point: BoxPoint) -> list[Mark]:
    label = shape.text("label", "")
    if kind == "points":
        return [Mark(x, y, label) for x, y in _pairs(shape)]
    return [Mark.of_box(shape.box(_corners(kind, shape)), point, label=label)]


def _corners(kind: str, shape: Record) -> list[Corner]:
    """Corners whose box is that of the shape, turned about its centre."""
    rotation = shape.number("rotation", 0.0)
    if kind in _OUTLINES:
        return _pairs(shape)
    if kind == "box":
        left, top, right, bottom = (shape.number(name) for name in ("xtl", "ytl", "xbr", "ybr"))
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return turned(corners, rotation, about=shape.box(corners).centre)
    if kind == "ellipse":
        x, y, rx, ry = (shape.number(name) for name in ("cx", "cy", "rx", "ry"))
        return ellipse(x, y, rx, ry, rotation)
    if kind == "mask":
        left, top, width, height = (
            shape.number(name) for name in ("left", "top", "width", "height")
        )
        return rectangle(left, top, width, height)
    raise shape.error("expected points, box, polygon, polyline, ellipse or mask")


def _pairs(shape: Record) -> list[tuple[float, float]]:
    pairs = []
    for text in shape.text("points").split(";"):
        x, comma, y = text.partition(",")
        pair = Record(shape.source, shape.place, {"x": x, "y": y if comma else None})
        pairs.append((pair.number("x"), pair.number("y")))
    return pairs


def _add(image: Element, mark: Mark) -> None:
    shape = {"label": mark.label or DEFAULT_LABEL, "source": "manual", "occluded": "0"}
    box = mark.centred_box
    if box is None:
        SubElement(image, "points", {**shape, "points": f"{mark.x!r},{mark.y!r}", "z_order": "0"})
        return
    corners = zip(("xtl", "ytl", "xbr", "ybr"), map(repr, box), strict=True)
    SubElement(image, "box", {**shape, **dict(corners), "z_order": "0"})


FORMAT = Format(
    title="CVAT for images 1.1 (XML)",
    origin="In CVAT *Actions*, *Export task dataset*, *CVAT for images 1.1*; unpack"
    " `annotations.xml`.",
    suffixes=(".xml",),
    fits=any_content,
    certain=_is_cvat,
    read=read,
    write=write,
    by_suffix=True,
    carries=frozenset({"labels", "boxes", "image sizes", "splits"}),
)
