"""Make Sense: points or boxes of all images in one CSV file, with or without a header.

A row is ``label,x,y,image,width,height``, or with the box's left, top, width and height in place of
x and y; the last two are the image's size. Coordinates are whole pixels from the image's top left
corner.
"""

from collections.abc import Sequence

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import Row, TextFile, is_number
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size

_POINT = ("label", "x", "y", "image", "width", "height")
_BOX = ("label", "left", "top", "across", "down", "image", "width", "height")
_HEADER = frozenset({"label_name", "image_name", "image_width", "image_height"})


def fits(file: TextFile) -> bool:
    """Whether all rows, and at least one, have a place, an image's name and its size."""
    rows = _rows(file)
    return bool(rows) and all(_fits(row) for _, row in rows)


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each point or each box.

    The tool does not list images in which nothing is marked.

    Raises:
        DataError: The file is something else, or states two sizes of one image.
    """
    marks: dict[str, list[Mark]] = {}
    sizes: dict[str, Size | None] = {}
    for place, row in _rows(file):
        record = Record(file, place, dict(zip(_columns(file, place, row), row, strict=True)))
        name, size = record.text("image"), record.size("height", "width")
        if sizes.setdefault(name, size) != size:
            raise record.error(f"{name} is of another size than above")
        marks.setdefault(name, []).append(_mark(record, reading.point))
    return listed(
        MarkedImage(name=name, marks=tuple(each), size=sizes[name]) for name, each in marks.items()
    )


def _rows(file: TextFile) -> Sequence[Row]:
    rows = file.rows
    return rows[1:] if rows and _HEADER.issubset(rows[0][1]) else rows


def _fits(row: Sequence[str]) -> bool:
    columns = {len(_POINT): _POINT, len(_BOX): _BOX}.get(len(row))
    if columns is None:
        return False
    cells = dict(zip(columns, row, strict=True))
    name = cells.pop("image")
    del cells["label"]
    return without_ending(name) != name and all(map(is_number, cells.values()))


def _columns(file: TextFile, place: str, row: Sequence[str]) -> Sequence[str]:
    for columns in (_POINT, _BOX):
        if len(row) == len(columns):
            return columns
    raise DataError(
        f"{file}: {place} has {len(row)} cells, expected {len(_POINT)} of a point or {len(_BOX)} "
        "of a box",
        hint="names of labels and images with a comma cannot be read",
    )


def _mark(record: Record, point: BoxPoint) -> Mark:
    label = record.text("label")
    if "x" in record.values:
        return Mark(record.number("x"), record.number("y"), label)
    sides = (record.number(name) for name in _BOX[1:5])
    return Mark.of_box(record.box(record.rectangle(*sides)), point, label=label)


FORMAT = Format(
    title="Make Sense CSV",
    origin="In Make Sense *Actions*, *Export Annotations*, *Single CSV file*, of points or boxes.",
    suffixes=(".csv",),
    fits=fits,
    read=read,
    write=None,
    carries=frozenset({"labels", "boxes", "image sizes"}),
)
