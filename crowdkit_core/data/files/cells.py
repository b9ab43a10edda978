"""Split a text into rows of cells, whatever separates them."""

import csv
import io
import re
from collections.abc import Iterator, Sequence

from crowdkit_core.data.files.numerals import Row, with_points
from crowdkit_core.errors import DataError

COMMENT = "#"
"""Begins a line that is no data."""

_QUOTED = re.compile(r'"[^"]*"')
_WORD = re.compile(r'"[^"]*"|\S+')
_DECIMALS = re.compile(r"[+-]?\d+(,\d+)?")
_DIRECTIVE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


def rows_of(text: str) -> Sequence[Row]:
    r"""The lines that are not blank as cells, separated by semicolon, tab, comma or spaces.

    Where semicolons or tabs separate cells, or quotes surround them, a comma is part of a number.
    The first line of a spreadsheet may name the separator: ``sep=;``.

    Raises:
        DataError: An open quote, or a number that can be read in two ways; names the line.

    Example:
        >>> rows_of("x;y\n12,5;30")
        [('line 1', ['x', 'y']), ('line 2', ['12.5', '30'])]
    """
    rows = ((place, [cell.strip() for cell in row]) for place, row in _split(text))
    return with_points([(place, row) for place, row in rows if any(row)])


def _split(text: str) -> Iterator[Row]:
    first, newline, rest = text.partition("\n")
    named = _DIRECTIVE.fullmatch(first.strip())
    if named:
        text = newline + rest
    separator = named[1] if named else _separator(text)
    if not separator:
        for number, line in enumerate(text.split("\n"), 1):
            yield f"line {number}", [cell.strip('"') for cell in _WORD.findall(line)]
        return
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    try:
        for row in reader:
            yield f"line {reader.line_num}", row
    except csv.Error as error:
        raise DataError(f"line {reader.line_num}: {error}") from error


def _separator(text: str) -> str:
    """What separates cells in the first lines of data and of comments; empty for spaces."""
    lines = [line for line in text.split("\n") if line.strip()]
    data = next((line for line in lines if not line.startswith(COMMENT)), "".join(lines[-1:]))
    heads = [_QUOTED.sub("", line) for line in (*lines[:1], data)]
    marks = [mark for mark in ";\t," if mark in heads[-1]]
    shared = [mark for mark in marks if all(mark in head for head in heads)]
    separator = next(iter(shared or marks), "")
    words = data.split()
    if separator == "," and len(words) > 1 and all(map(_DECIMALS.fullmatch, words)):
        return ""
    return separator
