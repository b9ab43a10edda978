"""CVAT 1.1: points, boxes and outlines of all images, or of the frames of a video, in one XML file.

Coordinates are pixels from the image's top left corner, as everywhere in crowdkit. *CVAT for video*
does not name images: frame 7 is `frame_000007`, as CVAT calls the images it exports with it. Frames
in which nobody is marked are not in the file and are images of which nothing is said. For a task of
images that have names, export *CVAT for images 1.1*, which splits tracks by images.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from crowdkit_core.data.annotations.formats.cvat_shapes import marks_of
from crowdkit_core.data.annotations.formats.cvat_video import read_tracks
from crowdkit_core.data.annotations.formats.format import (
    DEFAULT_LABEL,
    Format,
    Listed,
    Reading,
    any_content,
    listed,
)
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.xml_files import parse
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError

_PARTS = ("image", "track")


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each point and each box; an outline or a turned shape stands for the box round it.

    Of a skeleton it is the element `head`, or else `nose`, or the only one; where that is outside,
    the box round the others. Shapes that are outside are left out.

    Raises:
        DataError: The file is no such XML, declares entities, or lists the keyframes of a video
            alone.
    """
    root = parse(file)
    if root.tag != "annotations":
        raise DataError(f"{file}: <{root.tag}>, expected <annotations>")
    if all(root.find(tag) is None for tag in (*_PARTS, "meta")):
        raise DataError(f"{file}: no <image> and no <track>, expected a file of CVAT")
    if root.find("track") is not None:
        if root.find("image") is not None:
            raise DataError(f"{file}: both <image> and <track>, expected one of them")
        return listed(read_tracks(file, root, reading.point))
    return listed(
        _read_image(file, number, image, reading.point)
        for number, image in enumerate(root.findall("image"), 1)
    )


def is_cvat(file: TextFile) -> bool:
    """Whether it is such XML with an image or a track."""
    root = parse(file)
    return root.tag == "annotations" and any(root.find(tag) is not None for tag in _PARTS)


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
        marks += marks_of(shape, Record(file, place, shape.attrib), point, left_out)
    return MarkedImage(
        name=name,
        marks=tuple(marks),
        size=record.size("height", "width"),
        split=image.get("subset", ""),
        left_out=+left_out,
    )


def _add(image: Element, mark: Mark) -> None:
    shape = {"label": mark.label or DEFAULT_LABEL, "source": "manual", "occluded": "0"}
    box = mark.centred_box
    if box is None:
        SubElement(image, "points", {**shape, "points": f"{mark.x!r},{mark.y!r}", "z_order": "0"})
        return
    corners = zip(("xtl", "ytl", "xbr", "ybr"), map(repr, box), strict=True)
    SubElement(image, "box", {**shape, **dict(corners), "z_order": "0"})


FORMAT = Format(
    title="CVAT for images or for video 1.1 (XML)",
    origin="In CVAT *Actions*, *Export task dataset*, *CVAT for images 1.1*, or of a video"
    " *CVAT for video 1.1*; unpack `annotations.xml`.",
    suffixes=(".xml",),
    fits=any_content,
    certain=is_cvat,
    read=read,
    write=write,
    by_suffix=True,
    carries=frozenset({"labels", "boxes", "image sizes", "splits"}),
)
