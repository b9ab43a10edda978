"""Read a text file once, as text, rows of cells or JSON."""

import codecs
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from crowdkit_core.data.files.cells import COMMENT, rows_of
from crowdkit_core.data.files.numerals import Row
from crowdkit_core.errors import DataError, MissingFileError, shown
from crowdkit_core.parsing import parse_json

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "UTF-8",
    codecs.BOM_UTF32_LE: "UTF-32-LE",  # begins as that of UTF-16
    codecs.BOM_UTF32_BE: "UTF-32-BE",
    codecs.BOM_UTF16_LE: "UTF-16-LE",
    codecs.BOM_UTF16_BE: "UTF-16-BE",
}
_WORKBOOKS = (b"\xd0\xcf\x11\xe0", b"PK\x03\x04")
"""How files of Excel begin, whatever they are called."""
_SAVE = (
    "save it as UTF-8: in a spreadsheet *CSV UTF-8*, in a text editor *Save as*, *Encoding*; in R "
    'fileEncoding = "UTF-8"'
)


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
        """The whole text, lines ending in a line feed.

        Raises:
            DataError: Missing, or neither UTF-8 nor UTF-16 with a byte order mark.
        """
        try:
            if self.path.exists() and not self.path.is_file() and not self.path.is_dir():
                raise DataError(f"{self}: a pipe, socket or device, expected an annotation file")
            content = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise MissingFileError(f"{self}: no such annotation file") from error
        except OSError as error:
            raise DataError(f"{self}: cannot be read: {error.strerror}") from error
        return self._decode(content).replace("\r\n", "\n").replace("\r", "\n")

    @cached_property
    def lines(self) -> list[str]:
        """The lines that are not blank."""
        return [line for line in self.text.split("\n") if line.strip()]

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The lines that are not blank, as cells: `rows_of`.

        Raises:
            DataError: Missing, undecodable, or malformed.
        """
        text = self.text
        try:
            return rows_of(text)
        except DataError as error:
            raise DataError(f"{self}: {error.message}", hint=error.hint) from error

    @cached_property
    def data_rows(self) -> Sequence[Row]:
        """The rows that are no comments."""
        return [(place, row) for place, row in self.rows if not row[0].startswith(COMMENT)]

    @cached_property
    def json(self) -> Any:
        """The JSON value, in which no object says anything twice.

        Raises:
            DataError: Missing, undecodable, not JSON or nested too deeply, or an object has a key
                twice.
        """
        text = self.text
        try:
            return parse_json(text, object_of=_object)
        except DataError as error:
            raise DataError(f"{self}: {error}") from error
        except ValueError as error:
            raise DataError(f"{self}: not JSON: {error}") from error

    def _decode(self, content: bytes) -> str:
        if content.startswith(_WORKBOOKS):
            raise DataError(
                f"{self}: an Excel workbook rather than text",
                hint="save it in the spreadsheet as *CSV UTF-8*",
            )
        marks = [mark for mark in _BYTE_ORDER_MARKS if content.startswith(mark)]
        mark = marks[0] if marks else b""
        encoding = _BYTE_ORDER_MARKS.get(mark, "UTF-8")
        try:
            text = content.removeprefix(mark).decode(encoding)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            byte = error.object[error.start]
            older = ", perhaps Windows-1252 or Latin-1" if encoding == "UTF-8" else ""
            raise DataError(
                f"{self}: line {line}: cannot be read as {encoding} text, byte 0x{byte:02x} is of "
                f"another encoding{older}",
                hint=_SAVE,
            ) from error
        if "\0" in text:
            raise DataError(
                f"{self}: line {text[: text.index(chr(0))].count(chr(10)) + 1}: a NUL character: "
                "cut short in writing, or UTF-16 without its byte order mark",
                hint=f"write it again, or {_SAVE}",
            )
        return text


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise DataError(f"{shown(key)} occurs twice in one object")
    return values
