"""LabelMe: a JSON file for each image, beside it or in a folder of its own.

Folders in ``imagePath`` do not count: the image is beside the file or found by its name.
Coordinates are pixels from the image's top left corner, as everywhere in crowdkit.
"""

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from crowdkit_core.data.annotations.formats.format import (
    DEFAULT_LABEL,
    Format,
    Listed,
    Reading,
    listed,
)
from crowdkit_core.data.annotations.formats.lookalikes import other_documents
from crowdkit_core.data.annotations.formats.records import Record, facts, object_of
from crowdkit_core.data.annotations.formats.shapes import Corner
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.names import folded, without_ending
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError, shown

VERSION = "5.5.0"
_OUTLINES = frozenset({"polygon", "line", "linestrip", "mask", "circle", "oriented_rectangle"})
_READ = frozenset({"label", "points", "shape_type", "mask", "group_id"})


def fits(file: TextFile) -> bool:
    """Whether the file has shapes."""
    return isinstance(file.json, dict) and "shapes" in file.json


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each point; a rectangle, a circle or an outline stands for the box round it.

    Raises:
        DataError: The file is something else.
    """
    document = object_of(file)
    if "shapes" not in document.values:
        raise DataError(
            f"{file}: no 'shapes', expected a file of LabelMe",
            hint=other_documents(document.values),
        )
    left_out = Counter({"flags of whole images": facts(document.values.get("flags"))})
    marks: list[Mark] = []
    for shape in document.records("shapes"):
        left_out["outlines"] += shape.text("shape_type", "polygon") in _OUTLINES
        left_out["group_id"] += shape.values.get("group_id") is not None  # 0 is one, too
        left_out += shape.unread(_READ)
        marks += _marks(shape, reading.point)
    image = PurePosixPath(document.text("imagePath", file.path.stem).replace("\\", "/")).name
    if reading.image is not None:
        _require_own(reading.image, document, image)
    size = document.size("imageHeight", "imageWidth")
    name = (file.path.relative_to(reading.folder).parent / image).as_posix()
    return listed([MarkedImage(name=name, marks=tuple(marks), size=size, left_out=+left_out)])


def _require_own(image: Path, document: Record, said: str) -> None:
    """Refuse a file that lies beside one image, by its name, and says that it is of another.

    Raises:
        DataError: The two names differ in more than folders, ending or spelling.
    """
    if folded(image.stem) not in (folded(said), folded(without_ending(said))):
        raise document.error(
            f"imagePath is {shown(said)} in what is by its name the file of {image.name}"
        )


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """The file of one image."""
    (image,) = images
    path.write_text(json.dumps(_document(image, path), indent=2), encoding="utf-8")


def _marks(shape: Record, point: BoxPoint) -> list[Mark]:
    label, kind = shape.text("label", ""), shape.text("shape_type", "polygon")
    corners = corners_of(shape)
    if kind in ("point", "points"):
        return [Mark(x, y, label) for x, y in corners]
    if kind == "circle" and len(corners) == 2:
        (x, y), edge = corners
        radius = math.dist((x, y), edge)
        corners = [(x - radius, y - radius), (x + radius, y + radius)]
    elif kind != "rectangle" and kind not in _OUTLINES:
        raise shape.error(f"shape_type {kind!r}, expected point, rectangle, circle or polygon")
    return [Mark.of_box(shape.box(corners), point, label=label)]


def corners_of(shape: Record) -> list[Corner]:
    """The points that a shape is given by.

    Raises:
        DataError: There are none.
    """
    values = shape.values.get("points")
    pairs = [
        Record(shape.source, f"{shape.place}, point {number}", {"pair": pair}).numbers("pair", 2)
        for number, pair in enumerate(values if isinstance(values, list) else [], 1)
    ]
    if not pairs:
        raise shape.error("no points")
    return [(x, y) for x, y in pairs]


def _document(image: MarkedImage, file: Path) -> dict[str, Any]:
    height, width = image.size or (None, None)
    return {
        "version": VERSION,
        "flags": {},
        "shapes": [_shape(mark) for mark in image.marks],
        "imagePath": _image_path(image, file),
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def _image_path(image: MarkedImage, file: Path) -> str:
    """Where LabelMe finds the image, as seen from its file."""
    if image.file is None:
        return PurePosixPath(image.name).name
    return Path(os.path.relpath(image.file.resolve(), file.parent.resolve())).as_posix()


def _shape(mark: Mark) -> dict[str, Any]:
    box = mark.centred_box
    corners = [[mark.x, mark.y]] if box is None else [[*box[:2]], [*box[2:]]]
    return {
        "label": mark.label or DEFAULT_LABEL,
        "points": corners,
        "group_id": None,
        "description": "",
        "shape_type": "point" if box is None else "rectangle",
        "flags": {},
    }


FORMAT = Format(
    title="LabelMe, a JSON file per image",
    origin="LabelMe saves it beside each image: *Create Point*, *File*, *Save*.",
    suffixes=(".json",),
    fits=fits,
    read=read,
    write=write,
    per_image=True,
    key=without_ending,
    carries=frozenset({"labels", "boxes", "image sizes"}),
)
