"""QuPath: measurements of objects in many images in one table, columns ``Centroid X µm`` and so on.

Centroids are from the image's corner, as everywhere in crowdkit. They are in pixels (``px``) or,
where the image has a scale, in µm; the table does not say how large a pixel is, so that has to be
said (`--pixel-size`; in QuPath it stands in the tab *Image*). The class is the label. A GeoJSON
export is in pixels always.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.tool_tables import header_names, others, records_below
from crowdkit_core.data.annotations.formats.units import unit_length
from crowdkit_core.data.annotations.marks import Mark, MarkedImage
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError

_IMAGE = "Image"
_CENTROID = re.compile(r"Centroid[ .]([XY])[ .]?(.*)")
"""With points for spaces where R has written the table."""
_CLASSES = ("Class", "Classification")
_NUMBER = "Num points"
_OWN = (_IMAGE, "Object ID", "Object type", "Name", "Parent", "ROI")
"""What tells objects apart."""


def fits(file: TextFile) -> bool:
    """Whether it names images and centroids."""
    names = header_names(file)
    return _IMAGE in names and len(_centroids(names)) == 2


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each object, at its centroid; a row without one is of the whole image.

    Raises:
        DataError: The file is something else, is not in pixels and their size is not known, or a
            row stands for several points.
    """
    centroids = _centroids(header_names(file))
    columns = [centroids.get(axis, (f"Centroid {axis}", ""))[0] for axis in "XY"]
    records = records_below(file, [_IMAGE, *columns])
    lengths = [unit_length(f"{file}: {centroids[a][0]}", centroids[a][1], reading) for a in "XY"]
    images: dict[str, list[Mark]] = {}
    left_out: defaultdict[str, Counter[str]] = defaultdict(Counter)
    own = {*_OWN, *_CLASSES, *columns}
    for record in records:
        name = record.text(_IMAGE)
        marks = images.setdefault(name, [])
        if all(record.values[column] in ("", "NaN") for column in columns):
            left_out[name]["rows of whole images"] += 1
            continue
        marks.append(_mark(record, columns, lengths))
        left_out[name] += others([record], own, "measurements")
    return listed(
        MarkedImage(name=name, marks=tuple(marks), left_out=left_out[name])
        for name, marks in images.items()
    )


def _centroids(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The column of each axis, and its unit."""
    found = (_CENTROID.fullmatch(name) for name in names)
    return {each[1]: (each[0], each[2].strip("() ")) for each in found if each}


def _mark(record: Record, columns: Sequence[str], lengths: Sequence[float]) -> Mark:
    number = record.optional(_NUMBER)
    if number is not None and number > 1:
        raise DataError(
            f"{record.source}: {record.place} is the middle of {number:g} points",
            hint="export them as GeoJSON: *File*, *Export objects as GeoJSON*",
        )
    x, y = (record.number(name) / each for name, each in zip(columns, lengths, strict=True))
    labels = (record.text(name, "") for name in _CLASSES)
    return Mark(x, y, next(filter(None, labels), ""))


FORMAT = Format(
    title="QuPath, a table of measurements",
    origin="In QuPath *Measure*, *Export measurements*, or *Save* of a measurement table.",
    suffixes=(".tsv", ".csv", ".txt"),
    fits=fits,
    read=read,
    write=None,
    carries=frozenset({"labels"}),
    has_units=True,
    example="Image\tObject type\tClass\tCentroid X px\tCentroid Y px\n"
    "a.tif\tDetection\tTumor\t10.5\t20.5\na.tif\tDetection\tStroma\t30.5\t41.5\n",
)
