"""TrackMate: the spots of an image or a film in a CSV file.

Spots are in the unit of the image's scale, which the fourth line names; the middle of the first
pixel is 0, so they are half a pixel more here. Where the unit is not the pixel, or there is no such
line, the pixel's size has to be said (`--pixel-size`). Spots of several frames are of several
pictures.
"""

from collections.abc import Sequence

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
from crowdkit_core.data.annotations.formats.units import IN_PIXELS, PIXEL_SIZE, unit_length
from crowdkit_core.data.annotations.marks import Mark, MarkedImage
from crowdkit_core.data.files import Row, TextFile, is_number
from crowdkit_core.errors import DataError

_X, _Y, _Z, _FRAME = "POSITION_X", "POSITION_Y", "POSITION_Z", "FRAME"
_OWN = frozenset({_X, _Y, _Z, _FRAME, "POSITION_T", "LABEL", "ID", "VISIBILITY"})


def fits(file: TextFile) -> bool:
    """Whether there are positions of spots."""
    return has_columns(file, _X, _Y)


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each spot.

    Raises:
        DataError: The file is something else, is not in pixels and their size is not known, or its
            spots are of several frames or depths.
    """
    column = header_names(file).index(_X) if _X in header_names(file) else 0
    header, *below = [*file.rows] or [("line 1", [])]
    spots = [row for row in below if _is_spot(row, column)]
    records = records_below(file, [_X, _Y], [header, *spots])
    captions = [cells[column] for _, cells in below[:3] if len(cells) > column]
    length = _length(file, captions, reading)
    left_out = of_planes(file, [*map(_plane, records)], reading.planes, first=0.0)
    left_out += others(records, _OWN, "measurements")
    marks = tuple(_mark(record, length) for record in records)
    name = image_of(file, reading, FORMAT.named)
    return listed([MarkedImage(name=name, marks=marks, left_out=left_out)])


def _is_spot(row: Row, column: int) -> bool:
    """Whether a row is none of the lines that explain the columns."""
    place, cells = row
    explains = place in ("line 2", "line 3", "line 4")
    return not explains or (len(cells) > column and is_number(cells[column]))


def _length(file: TextFile, captions: Sequence[str], reading: Reading) -> float:
    unit = next((each for each in captions if each.startswith("(")), "")
    if unit:
        return unit_length(f"{file}: {_X}", unit.strip("()"), reading)
    if reading.pixel_size is None:
        raise DataError(
            f"{file}: {_X} may be in pixels or in µm; the table does not say",
            hint=PIXEL_SIZE + IN_PIXELS,
        )
    return reading.pixel_size


def _plane(record: Record) -> Plane:
    numbers = (record.optional(_FRAME), record.optional(_Z))
    return tuple(number for number in numbers if number is not None)


def _mark(record: Record, length: float) -> Mark:
    x, y = (record.number(column) / length + PIXEL_CENTRE for column in (_X, _Y))
    return Mark(x, y)


FORMAT = Format(
    title="TrackMate, a table of spots per image",
    origin="In TrackMate *Spots*, *Export to CSV*.",
    suffixes=(".csv",),
    fits=fits,
    read=read,
    write=None,
    per_image=True,
    named=("{}_spots", "{}", "{}_allspots", "{}_Spots"),
    has_units=True,
    example="LABEL,ID,TRACK_ID,POSITION_X,POSITION_Y,POSITION_Z,FRAME\n"
    "Label,Spot ID,Track ID,X,Y,Z,Frame\nLabel,Spot ID,Track ID,X,Y,Z,Frame\n"
    ",,,(pixel),(pixel),(pixel),\nID1,1,,10.0,20.0,0.0,0\nID2,2,,30.0,41.0,0.0,0\n",
)
