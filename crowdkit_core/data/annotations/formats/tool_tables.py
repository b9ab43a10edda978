"""Tables that a program writes: columns of known names, a row for each point."""

from collections import Counter
from collections.abc import Collection, Sequence

from crowdkit_core.data.annotations.formats.format import Reading
from crowdkit_core.data.annotations.formats.headers import record_of
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.names import stripped
from crowdkit_core.data.files import Row, TextFile
from crowdkit_core.errors import DataError

PIXEL_CENTRE = 0.5
"""Where the middle of a pixel is that a program counts from 0: crowdkit's 0 is its corner."""


def header_names(file: TextFile) -> Sequence[str]:
    """The names of the columns; none of an empty file.

    Raises:
        DataError: It cannot be read.
    """
    return file.rows[0][1] if file.rows else []


def has_columns(file: TextFile, *names: str) -> bool:
    """Whether the first line names all of these columns, as they are spelled here."""
    return set(names) <= {*header_names(file)}


def records_below(
    file: TextFile, needed: Sequence[str], rows: Sequence[Row] | None = None
) -> list[Record]:
    """The rows by the names of their columns, which the first line gives.

    Args:
        file: The table.
        needed: Columns there have to be, each once.
        rows: Header and rows; all of the file by default.

    Raises:
        DataError: A column is missing or there twice, or a row is of another length.
    """
    header, *below = [*(file.rows if rows is None else rows)] or [("line 1", [])]
    names = header[1]
    for name in needed:
        if names.count(name) != 1:
            problem = "no column" if name not in names else "several columns"
            raise DataError(f"{file}: {problem} {name!r}, found {', '.join(map(repr, names))}")
    return [record_of(file, place, names, row) for place, row in below]


def image_of(file: TextFile, reading: Reading, named: Sequence[str]) -> str:
    """The image that a file is of by its name, without ending.

    Args:
        file: The file of one image.
        reading: Says its folder.
        named: How its tool may have called it, as of `Format.named`.
    """
    name = file.path.relative_to(reading.folder).with_suffix("").as_posix()
    return next((inner for each in named if (inner := stripped(name, each)) != name), name)


def others(records: Sequence[Record], read: Collection[str], kind: str) -> Counter[str]:
    """Count the rows that say something beyond the columns that are read."""
    return +Counter({kind: sum(bool(record.unread(read)) for record in records)})
