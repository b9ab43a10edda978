"""napari: a points or shapes layer in a CSV file for each image, columns ``index``, ``axis-0``, ...

The last axis is x and the one before it y; those before are planes of a stack. The middle of
napari's first pixel is 0 and that of crowdkit's 0.5, so both are half a pixel more here. The file
does not say which image it is of: it is called as the image is. A column ``label`` of a points
layer is the label. Where the layer was drawn in µm, `--pixel-size` makes pixels of it.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.planes import Plane, of_planes
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.tool_tables import (
    PIXEL_CENTRE,
    has_columns,
    header_names,
    image_of,
    others,
    records_below,
)
from crowdkit_core.data.annotations.marks import Mark, MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError

_AXIS = re.compile(r"axis-(\d+)")
_SHAPE = ("shape-type", "vertex-index")
_LABEL = "label"


def fits(file: TextFile) -> bool:
    """Whether there are columns of at least two axes."""
    return has_columns(file, "axis-0", "axis-1")


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each point; a rectangle, ellipse or outline stands for the box round it.

    Raises:
        DataError: The file is something else, or its points lie on several planes.
    """
    axes = _axes(file)
    records = records_below(file, axes)
    shapes = _SHAPE[0] in header_names(file)
    if shapes:
        marks, planes, left_out = _shapes(records, axes, reading)
    else:
        points = [_position(record, axes, reading) for record in records]
        marks = [
            Mark(x, y, record.text(_LABEL, ""))
            for record, (x, y, _) in zip(records, points, strict=True)
        ]
        planes = [plane for _, _, plane in points]
        left_out = others(records, {"index", _LABEL, *axes}, "features")
    left_out += of_planes(file, planes, reading.planes, first=0.0)
    name = image_of(file, reading, FORMAT.named)
    return listed([MarkedImage(name=name, marks=tuple(marks), left_out=left_out)])


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """The points layer of one image."""
    (image,) = images
    labels = any(mark.label for mark in image.marks)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["index", "axis-0", "axis-1", *([_LABEL] if labels else [])])
        for index, mark in enumerate(image.marks):
            row: list[Any] = [index, mark.y - PIXEL_CENTRE, mark.x - PIXEL_CENTRE]
            rows.writerow([*row, mark.label] if labels else row)


def _axes(file: TextFile) -> list[str]:
    """The columns of the axes, in their order.

    Raises:
        DataError: There are fewer than two, or one is missing.
    """
    numbers = sorted(int(found[1]) for name in header_names(file) if (found := _axis(name)))
    if len(numbers) < 2 or numbers != list(range(len(numbers))):
        names = ", ".join(f"axis-{number}" for number in numbers) or "none"
        raise DataError(f"{file}: axes {names}, expected axis-0, axis-1 and so on")
    return [f"axis-{number}" for number in numbers]


def _axis(name: str) -> re.Match[str] | None:
    return _AXIS.fullmatch(name)


def _position(record: Record, axes: Sequence[str], reading: Reading) -> tuple[float, float, Plane]:
    *planes, y, x = (record.number(axis) for axis in axes)
    length = reading.pixel_size or 1.0
    return x / length + PIXEL_CENTRE, y / length + PIXEL_CENTRE, tuple(planes)


def _shapes(
    records: Iterable[Record], axes: Sequence[str], reading: Reading
) -> tuple[list[Mark], list[Plane], Counter[str]]:
    marks: list[Mark] = []
    planes: list[Plane] = []
    left_out: Counter[str] = Counter()
    for _, rows in groupby(records, key=lambda record: record.text("index")):
        shape = [*rows]
        corners = [_position(vertex, axes, reading) for vertex in shape]
        box = shape[0].box([(x, y) for x, y, _ in corners])
        marks.append(Mark.of_box(box, reading.point))
        planes += {plane for _, _, plane in corners}
        left_out["outlines"] += shape[0].text(_SHAPE[0]) != "rectangle"
    return marks, planes, +left_out


FORMAT = Format(
    title="napari, a CSV file of points or shapes per image",
    origin="In napari select the layer, *File*, *Save Selected Layers...*, a name ending in `.csv`;"
    " napari opens it again when it is dropped on the image.",
    suffixes=(".csv",),
    fits=fits,
    read=read,
    write=write,
    per_image=True,
    key=without_ending,
    carries=frozenset({"labels"}),
    has_units=True,
    example="index,axis-0,axis-1\n0,20.0,10.0\n1,41.5,30.25\n",
)
