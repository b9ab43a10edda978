"""ImageJ and Fiji: the table *Results*, of points or of particles.

ImageJ's points count pixels from 0 and are their middle where they are whole, so they are half a
pixel more here. (Before ImageJ 1.52u of 2020, points set between pixels counted from the corner.)
Centroids of areas, such as those of *Analyze Particles*, are from the image's corner, as everywhere
in crowdkit. A row is of a point where its area is 0, or where it has no area but one grey value, or
none. Positions are in the unit of the image's scale, which the table does not state: where its
areas are no numbers of pixels, or its points are not whole, the size of a pixel has to be said
(`--pixel-size`). The table *Measure* of the Cell Counter and the list of the ROI Manager are read
as well. With *Invert Y coordinates* in *Set Measurements* y runs up, which no table says: leave it
off.
"""

import re
from collections.abc import Sequence

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.imagej_labels import (
    image_in,
    is_slice,
    without_summary,
)
from crowdkit_core.data.annotations.formats.imagej_roi_lists import (
    is_roi_list,
    mark_of_roi,
    plane_of_roi,
)
from crowdkit_core.data.annotations.formats.imagej_units import length_of_pixel
from crowdkit_core.data.annotations.formats.planes import Plane, of_planes
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.shapes import rectangle
from crowdkit_core.data.annotations.formats.tool_tables import (
    PIXEL_CENTRE,
    header_names,
    image_of,
    records_below,
)
from crowdkit_core.data.annotations.formats.units import unit_length
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError, shown

_BOX = ("BX", "BY")
_PLAIN = (("X", "Y"), ("XM", "YM"), _BOX)
_WITH_UNIT = re.compile(r"([XY])\s*[(\[](.+)[)\]]")
_TELLING = frozenset(
    {"Area", "Mean", "Min", "Max", "XM", "BX", "Slice", "Frame", "Ch", "Counter", "C-pos"}
)
_UNNAMED = " "
"""What ImageJ writes over the numbers of rows; others leave it empty."""
_PLANES = (("Z-pos", "T-pos"), ("Slice", "Frame"))
_MEASURED = ("Mean", "StdDev", "Mode", "Min", "Max", "IntDen", "Median", "Perim.", "Value")
"""What is measured most often, of what is not read."""
_SUFFIXES = (".csv", ".tsv", ".xls", ".txt")
_LABEL_HINT = (
    "tick *Display label* in *Set Measurements* before measuring, or save a table for each image "
    "under the image's name"
)
_SAVED = (
    " *File*, *Save As...* of the table *Results*; *Analyze*, *Measure* of a multi-point selection"
    " fills it."
)


def fits(file: TextFile) -> bool:
    """Whether it has positions in capitals and something else that ImageJ writes."""
    names = header_names(file)
    others_tool = not {name.casefold() for name in names}.isdisjoint({"image", "imagenumber"})
    telling = file.text.startswith(_UNNAMED) or not _TELLING.isdisjoint(names)
    telling = telling or is_roi_list(names)
    return telling and not others_tool and _columns(names) is not None


def names_images(file: TextFile) -> bool:
    """Whether it is such a table, whose rows say which image they are of."""
    return fits(file) and "Label" in header_names(file) and all(map(_label, _rows(file)))


def read_of_images(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each row, in the image that its label names.

    It is at X and Y, or where those are missing at XM and YM or in the box at BX and BY.

    Raises:
        DataError: The file is something else, does not say which image a row is of, or may not be
            in pixels.
    """
    rows = _rows(file)
    images: dict[str, list[tuple[Record, Mark]]] = {}
    for row, mark in zip(rows, _marks(file, rows, reading), strict=True):
        label = _label(row)
        if not label:
            raise DataError(f"{file}: {row.place} does not say which image", hint=_LABEL_HINT)
        images.setdefault(image_in(label), []).append((row, mark))
    return listed(_marked(file, name, each, reading) for name, each in images.items())


def read_of_one(file: TextFile, reading: Reading) -> list[Listed]:
    """The same for the table of one image, by whose name it is called.

    Raises:
        DataError: As for all images, or its labels name several.
    """
    rows = _rows(file)
    named = {image_in(label) for row in rows if (label := _label(row))}
    if len(named) > 1:
        first, second, *_ = sorted(named)
        raise DataError(
            f"{file}: rows of {shown(first)} and of {shown(second)} in the table of one image"
        )
    marks = _marks(file, rows, reading)
    name = image_of(file, reading, TABLE.named)
    return listed([_marked(file, name, [*zip(rows, marks, strict=True)], reading)])


def _rows(file: TextFile) -> Sequence[Record]:
    return without_summary(records_below(file, [*(_columns(header_names(file)) or _PLAIN[0])]))


def _columns(names: Sequence[str]) -> tuple[str, str] | None:
    """The columns of positions, surest first; None without any."""
    with_unit = {found[1]: name for name in names if (found := _WITH_UNIT.fullmatch(name))}
    pairs = [*_PLAIN, *([(with_unit["X"], with_unit["Y"])] if len(with_unit) == 2 else [])]
    sides = {"Width", "Height"}
    return next(
        (each for each in pairs if {*each, *(sides if each == _BOX else ())} <= {*names}), None
    )


def _label(row: Record) -> str:
    return row.text("Label", "")


def _marks(file: TextFile, rows: Sequence[Record], reading: Reading) -> list[Mark]:
    """The mark of each row of a table."""
    names = header_names(file)
    if is_roi_list(names):
        return [mark_of_roi(row, reading.point) for row in rows]
    columns = _columns(names) or _PLAIN[0]
    length = _length(file, rows, columns, reading)
    marks = (_mark(row, columns, length, reading.point) for row in rows)
    labels = _labels(names, rows)
    return [mark._replace(label=label) for mark, label in zip(marks, labels, strict=True)]


def _marked(
    file: TextFile, name: str, found: Sequence[tuple[Record, Mark]], reading: Reading
) -> MarkedImage:
    plane_of = plane_of_roi if is_roi_list(header_names(file)) else _plane
    planes = [plane_of(row) for row, _ in found]
    left_out = of_planes(f"{file}: {name}", planes, reading.planes, first=1.0)
    left_out["measurements"] += sum(any(map(row.values.get, _MEASURED)) for row, _ in found)
    return MarkedImage(name=name, marks=tuple(mark for _, mark in found), left_out=+left_out)


def _length(
    file: TextFile, rows: Sequence[Record], columns: tuple[str, str], reading: Reading
) -> float:
    stated = _WITH_UNIT.fullmatch(columns[0])
    if stated is not None or _of_cell_counter(header_names(file)):  # which writes pixels as X, Y
        unit = stated[2] if stated is not None else "pixels"
        return unit_length(f"{file}: {columns[0]}", unit, reading)
    return length_of_pixel(file, rows, columns, reading)


def _of_cell_counter(names: Sequence[str]) -> bool:
    return {"Type", "C-pos"} <= {*names}


def _labels(names: Sequence[str], rows: Sequence[Record]) -> list[str]:
    """The number of the counter of each row, where there are several, or its type of marker."""
    if _of_cell_counter(names):
        return [f"Type {row.text('Type')}" for row in rows]
    counters = [row.text("Counter", "") for row in rows]
    return counters if len(set(counters)) > 1 else [""] * len(rows)


def _plane(row: Record) -> Plane:
    if is_slice(_label(row)):
        return ()
    for columns in _PLANES:
        numbers = [row.optional(column) for column in columns]
        if any(number is not None for number in numbers):
            return tuple(number for number in numbers if number is not None)
    return ()


def _mark(row: Record, columns: tuple[str, str], length: float, point: BoxPoint) -> Mark:
    if columns == _BOX:
        sides = (row.number(name) / length for name in (*_BOX, "Width", "Height"))
        return Mark.of_box(row.box(rectangle(*sides)), point)
    offset = PIXEL_CENTRE if _is_point(row) else 0.0
    x, y = (row.number(column) / length + offset for column in columns)
    return Mark(x, y)


def _is_point(row: Record) -> bool:
    area = row.optional("Area")
    if area is not None:
        return area == 0
    least, most = row.optional("Min"), row.optional("Max")
    return least == most


_CAPTION = " ,Label,Area,Mean,X,Y\n"

RESULTS = Format(
    title="ImageJ and Fiji, the table Results of several images",
    origin="In ImageJ tick *Display label* in *Analyze*, *Set Measurements...*;" + _SAVED,
    suffixes=_SUFFIXES,
    fits=names_images,
    read=read_of_images,
    write=None,
    carries=frozenset({"labels", "boxes"}),
    has_units=True,
    example=f"{_CAPTION}1,a.tif:0020-0010,0,255,10,20\n2,b.tif:0041-0030,0,17,30,41\n",
)

TABLE = Format(
    title="ImageJ and Fiji, a table Results for each image",
    origin="In ImageJ" + _SAVED,
    suffixes=_SUFFIXES,
    fits=fits,
    read=read_of_one,
    write=None,
    per_image=True,
    named=("{}", "Results_{}", "{}_Results"),
    carries=frozenset({"labels", "boxes"}),
    has_units=True,
    example=" \tArea\tX\tY\n1\t0\t10\t20\n2\t0\t30\t41\n",
)
