"""ilastik: the table of objects of an image in a CSV file.

``Center of the object_0`` is x and ``_1`` is y. The middle of ilastik's first pixel is 0, so both
are half a pixel more here. The predicted class is the label, or else what a user labelled. The file
is called after its image and `_table`.
"""

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.planes import of_planes
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.tool_tables import (
    PIXEL_CENTRE,
    has_columns,
    image_of,
    others,
    records_below,
)
from crowdkit_core.data.annotations.marks import Mark, MarkedImage
from crowdkit_core.data.files import TextFile

_CENTRES = ("Center of the object", "Center_of_the_object", "RegionCenter")
"""As tables of objects call it, tables of tracking, and old versions."""
_TIMES = ("timestep", "frame")
_LABELS = ("Predicted Class", "User Label")


def fits(file: TextFile) -> bool:
    """Whether there are centres of objects."""
    return any(has_columns(file, *_columns(centre)) for centre in _CENTRES)


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each object, at its centre.

    Raises:
        DataError: The file is something else, or its objects are of several times or depths.
    """
    there = (each for each in _CENTRES if has_columns(file, *_columns(each)))
    centre = next(there, _CENTRES[0])
    records = records_below(file, _columns(centre))
    numbers = [[each.optional(name) for name in (*_TIMES, f"{centre}_2")] for each in records]
    planes = [tuple(number for number in row if number is not None) for row in numbers]
    left_out = of_planes(file, planes, reading.planes, first=0.0)
    name = image_of(file, reading, FORMAT.named)
    own = {"object_id", "labelimage_oid", *_TIMES, *_LABELS, *_columns(centre), f"{centre}_2"}
    left_out += others(records, own, "measurements")
    marks = tuple(_mark(each, centre) for each in records)
    return listed([MarkedImage(name=name, marks=marks, left_out=left_out)])


def _columns(centre: str) -> list[str]:
    return [f"{centre}_0", f"{centre}_1"]


def _mark(record: Record, centre: str) -> Mark:
    x, y = (record.number(column) + PIXEL_CENTRE for column in _columns(centre))
    labels = (record.text(name, "") for name in _LABELS)
    return Mark(x, y, next((label for label in labels if label not in ("", "0")), ""))


FORMAT = Format(
    title="ilastik, a table of objects per image",
    origin="In ilastik *Object Classification*, *Object Information Export*, *Configure Feature"
    " Table Export*, format csv, with the feature *Center of the object*.",
    suffixes=(".csv",),
    fits=fits,
    read=read,
    write=None,
    per_image=True,
    named=("{}_table", "{}"),
    carries=frozenset({"labels"}),
    example="object_id,timestep,Predicted Class,Center of the object_0,Center of the object_1\n"
    "0,0,cell,10.0,20.0\n1,0,cell,30.0,41.0\n",
)
