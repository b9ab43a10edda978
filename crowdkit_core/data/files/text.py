"""Read a text file once, as text, rows of cells or JSON."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from crowdkit_core.errors import DataError, MissingFileError, shown

Row = tuple[str, list[str]]
"""``line n`` and the cells of that line."""


class TextFile:
    """A text file that is opened once, whatever is then asked of it.

    Printed, it is its path, so that errors can name it.

    Args:
        path: The file; not opened before its content is asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    @cached_property
    def text(self) -> str:
        """The whole text.

        Raises:
            DataError: Missing, or not UTF-8.
        """
        if not self.path.is_file():
            raise MissingFileError(f"{self}: no such annotation file")
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except (UnicodeDecodeError, OSError) as error:
            raise DataError(f"{self}: cannot be read as UTF-8 text: {error}") from error

    @cached_property
    def lines(self) -> list[str]:
        """The lines that are not blank."""
        return [line for line in self.text.splitlines() if line.strip()]

    @cached_property
    def rows(self) -> list[Row]:
        """The lines that are not empty, as cells separated by comma, semicolon, tab or spaces.

        Raises:
            DataError: Missing, not UTF-8, or malformed.
        """
        return [(place, row) for place, row in self._split() if row]

    @cached_property
    def json(self) -> Any:
        """The JSON value, in which no object says anything twice.

        Raises:
            DataError: Missing, not UTF-8, not JSON, or a key of an object occurs twice.
        """
        text = self.text
        try:
            return json.loads(text, object_pairs_hook=_object)
        except DataError as error:
            raise DataError(f"{self}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self}: not JSON: {error}") from error

    def _split(self) -> Iterator[Row]:
        lines = self.text.splitlines()
        head = next((line for line in lines if line.strip()), "")
        separator = max(",;\t", key=head.count)
        if separator not in head:
            yield from ((f"line {number}", line.split()) for number, line in enumerate(lines, 1))
            return
        reader = csv.reader(lines, delimiter=separator)
        try:
            for row in reader:
                yield f"line {reader.line_num}", row
        except csv.Error as error:
            raise DataError(f"{self}: line {reader.line_num}: {error}") from error


def is_number(cell: str) -> bool:
    """Whether a cell of a table is a number rather than a name.

    Example:
        >>> is_number("1.5"), is_number("IMG_1")
        (True, False)
    """
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    (key, times), *_ = [*Counter(key for key, _ in pairs).most_common(1), ("", 1)]
    if times > 1:
        raise DataError(f"{shown(key)} occurs twice in one object")
    return dict(pairs)
