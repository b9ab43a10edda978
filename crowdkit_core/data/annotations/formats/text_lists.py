"""Plain text: a file for each image with ``x y`` on each line, empty for nobody.

A header may name further columns, as those of crowdkit's own tables. Coordinates are pixels from
the image's top left corner.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from crowdkit_core.data.annotations.formats import yolo
from crowdkit_core.data.annotations.formats.format import (
    Columns,
    Format,
    Listed,
    Reading,
    any_content,
)
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.tables import header_of, marked
from crowdkit_core.data.annotations.marks import MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import TextFile, is_number
from crowdkit_core.errors import DataError

_HEADER = "write x and y over the columns, or no header where they are the first two"


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each line; the image is named as the file, without an ending.

    Raises:
        DataError: The file is something else.
    """
    if yolo.fits(file):
        raise DataError(
            f"{file}: looks like YOLO labels (class and a box in shares of the image), which are "
            "not points",
            hint="read them as format `yolo`",
        )
    name = file.path.relative_to(reading.folder).with_suffix("").as_posix()
    records = _records(file, reading.columns)
    return [Listed(name, "", lambda: marked(name, records, reading.columns))]


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """The list of one image."""
    (image,) = images
    lines = (f"{mark.x!r} {mark.y!r}\n" for mark in image.marks)
    path.write_text("".join(lines), encoding="utf-8")


def _records(file: TextFile, columns: Columns) -> list[Record]:
    """A record per line; without a header the first two columns are x and y."""
    rows = [(place, row) for place, row in file.rows if any(cell.strip() for cell in row)]
    header = [columns.x, columns.y]
    if rows and not is_number(rows[0][1][0]):
        header = header_of(file, rows[0][1], columns, header, _HEADER)
        rows = rows[1:]
    last = max(header.index(columns.x), header.index(columns.y))
    for place, row in rows:
        if len(row) <= last:
            raise DataError(f"{file}: {place}: {' '.join(row)!r}, expected x and y")
    return [Record(file, place, _by_column(header, row)) for place, row in rows]


def _by_column(header: Sequence[str], row: Sequence[str]) -> Mapping[str, str]:
    """The cells of a row; beyond the header a column is known by its number."""
    names = [*header, *(str(number) for number in range(len(header) + 1, len(row) + 1))]
    return {name: cell.strip() for name, cell in zip(names, row, strict=False)}


FORMAT = Format(
    title="a text file per image, lines of x y",
    origin="From a script: a line `x y` for each point, an empty file for an image without people.",
    suffixes=(".txt", ".csv"),
    fits=any_content,
    read=read,
    write=write,
    per_image=True,
    key=without_ending,
)
