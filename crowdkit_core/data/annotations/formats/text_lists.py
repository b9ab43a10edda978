"""Plain text: a file for each image with ``x y`` on each line, empty for nobody.

A header may name further columns, as those of crowdkit's own tables. Coordinates are pixels from
the image's top left corner.
"""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

from crowdkit_core.data.annotations.formats.format import (
    Columns,
    Format,
    Listed,
    Reading,
    any_content,
)
from crowdkit_core.data.annotations.formats.headers import header_of, record_of, uncommented
from crowdkit_core.data.annotations.formats.lookalikes import are_jhu, looks_like
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.tables import marked
from crowdkit_core.data.annotations.marks import MarkedImage
from crowdkit_core.data.annotations.names import folded, without_ending
from crowdkit_core.data.files import COMMENT, Row, TextFile, is_number
from crowdkit_core.errors import DataError, shown

_HEADER = "write x and y over the columns, or no header where they are all there is"
_JHU = ("3", "4", "5", "6")
"""Its further columns, by their number."""
_NUMBERED_COLUMNS = ["0", "1"]
"""A header that pandas writes for a table without one."""


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each line; the image is named as the file, without an ending.

    Without a header a line has x and y and nothing else, or is a head of JHU-Crowd++. Lines that
    begin with ``#`` are comments; the one before the points may name the columns.

    Raises:
        DataError: The file is something else.
    """
    name = file.path.relative_to(reading.folder).with_suffix("").as_posix()
    records = _records(file, reading.columns)
    return [Listed(name, "", lambda: marked(name, records, reading.columns))]


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """The list of one image."""
    (image,) = images
    lines = (f"{mark.x!r} {mark.y!r}\n" for mark in image.marks)
    path.write_text("".join(lines), encoding="utf-8")


def _records(file: TextFile, columns: Columns) -> list[Record]:
    """A record per line; without a header a line is x and y."""
    header, rows = _header(file)
    if header is None and are_jhu(rows):
        header = [columns.x, columns.y, *_JHU]
    elif header is None:
        _require_points(file, rows)
        header = [columns.x, columns.y]
    else:
        header = header_of(file, header, columns, [columns.x, columns.y], _HEADER)
    records = [record_of(file, place, header, row) for place, row in rows]
    _require_one_image(file, records, columns.image)
    return records


def _header(file: TextFile) -> tuple[Sequence[str] | None, Sequence[Row]]:
    """The names of the columns, where there are any, and the rows of points."""
    rows = file.data_rows
    if rows and not is_number(rows[0][1][0]):
        return rows[0][1], rows[1:]
    comments = [*takewhile(lambda row: row[0].startswith(COMMENT), (row for _, row in file.rows))]
    names = uncommented(comments[-1]) if comments else []
    if rows and len(names) == len(rows[0][1]) and not any(map(is_number, names)):
        return names, rows
    return None, rows


def _require_one_image(file: TextFile, records: Sequence[Record], column: str) -> None:
    """Refuse a table of other images, which merely has the name of a list.

    Raises:
        DataError: A row names another image than the file.
    """
    own = file.path.stem
    for record in records:
        name = PurePosixPath(record.values.get(column, own).replace("\\", "/")).name
        if name and folded(own) not in (folded(name), folded(without_ending(name))):
            raise record.error(
                f"image {shown(name)} in what is by its name the list of {own} alone"
            )


def _require_points(file: TextFile, rows: Sequence[Row]) -> None:
    """Refuse rows that are something else than x and y.

    Raises:
        DataError: Names the row and what the file looks like.
    """
    for place, row in rows:
        if len(row) < 2 or any(row[2:]):
            name, hint = looks_like(rows)
            raise DataError(
                f"{file}: {place}: {shown(' '.join(row))}, expected x and y; the file looks like "
                f"{name}, which are not points",
                hint=hint,
            )
    if len(rows) > 1 and rows[0][1] == _NUMBERED_COLUMNS and file.path.suffix.lower() == ".csv":
        place = rows[0][0]
        raise DataError(f"{file}: {place}: 0,1 is a point or numbers of columns", hint=_HEADER)


FORMAT = Format(
    title="a text file per image, lines of x y",
    origin="From a script: a line `x y` for each point, an empty file for an image without people.",
    suffixes=(".txt", ".csv", ".tsv"),
    fits=any_content,
    read=read,
    write=write,
    per_image=True,
    key=without_ending,
)
