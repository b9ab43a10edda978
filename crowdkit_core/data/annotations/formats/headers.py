"""The first line of a table, which names its columns, and rows by these names."""

from collections.abc import Sequence
from dataclasses import astuple

from crowdkit_core.data.annotations.formats.format import Columns
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.files import COMMENT, Row, TextFile
from crowdkit_core.errors import DataError

_CELLS = "beside decimal commas, separate columns by semicolons or tabs, or quote the numbers"


_MIDDLE = "both of the middles of pixels: add 0.5"
_BY_AXIS = {
    ("axis-0", "axis-1"): f"{_MIDDLE}, or read the file as format `napari`, which does",
    ("centroid-0", "centroid-1"): _MIDDLE,
    ("bbox-0", "bbox-1"): "the upper left corner of a box",
    ("row", "col"): _MIDDLE,
    ("row", "column"): _MIDDLE,
}
"""Columns of y and x by which programs of scientific Python call them, and what they are of."""


def head(rows: Sequence[Row], needed: Sequence[str]) -> tuple[Sequence[str], Sequence[Row]]:
    """The names of the columns and the rows below; the names may stand in a comment."""
    wanted = {name.casefold() for name in needed}
    for index, (_, row) in enumerate(rows):
        names = uncommented(row)
        if not row[0].startswith(COMMENT) or wanted <= {name.casefold() for name in names}:
            return names, rows[index + 1 :]
    return [], []


def _advice(names: Sequence[str], hint: str) -> str:
    """What to do about columns that are not there: what those mean that are, or else ``hint``."""
    for (down, across), about in _BY_AXIS.items():
        if {down, across} <= {*names}:
            return f"{down!r} is y and {across!r} is x, {about}"
    return hint


def _require_unswapped(file: TextFile, columns: Columns) -> None:
    """Refuse y for x where the columns' names say which is which.

    Raises:
        DataError: They are named the wrong way round.
    """
    if (columns.x, columns.y) in _BY_AXIS:
        raise DataError(
            f"{file}: column {columns.x!r} counts rows, so it is y; {columns.y!r} is x",
            hint=f"name them the other way round: x={columns.y},y={columns.x}",
        )


def header_of(
    file: TextFile, cells: Sequence[str], columns: Columns, needed: Sequence[str], hint: str
) -> list[str]:
    """Names of the columns, those of ``columns`` as it spells them, in capitals or not.

    Raises:
        DataError: A column of ``columns`` occurs twice, a needed one is missing, or x is a column
            that is y by its name.
    """
    names = [cell.strip() for cell in cells]
    _require_unswapped(file, columns)
    spelled = {name.casefold(): name for name in astuple(columns) if name not in names}
    header = [spelled.get(name.casefold(), name) for name in names]
    twice = [name for name in astuple(columns) if header.count(name) > 1]
    if twice:
        raise DataError(f"{file}: column {twice[0]!r} occurs twice")
    missing = [name for name in needed if name not in header]
    if missing:
        raise DataError(
            f"{file}: no column {', '.join(map(repr, missing))}, "
            f"found {', '.join(map(repr, header)) or 'an empty file'}",
            hint=_advice(names, hint),
        )
    return header


def uncommented(row: Sequence[str]) -> Sequence[str]:
    """The cells of a row without the sign of a comment before them.

    Example:
        >>> uncommented(["#x", "y"]), uncommented(["#", "x", "y"])
        (['x', 'y'], ['x', 'y'])
    """
    first = row[0].lstrip(f"{COMMENT} ")
    return [*([first] if first or not row[0] else []), *row[1:]]


def record_of(file: TextFile, place: str, header: Sequence[str], row: Sequence[str]) -> Record:
    """A row by the names of its columns; empty cells beyond them do not count.

    Raises:
        DataError: It has more or fewer cells than the header.
    """
    cells = row[: len(header)]
    if len(cells) < len(header) or any(row[len(header) :]):
        raise DataError(
            f"{file}: {place} has {len(row)} cells, the header {len(header)}", hint=_CELLS
        )
    return Record(file, place, dict(zip(header, cells, strict=True)))
