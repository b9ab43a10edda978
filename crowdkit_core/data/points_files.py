"""Reading text files of points: tables of many images and lists of one."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdkit_core.data.problems import MissingFileError
from crowdkit_core.errors import DataError

_NAMING = (
    "write image,x,y over the columns, or say what they are called: "
    "`--set dataset.columns.image=NAME` of a dataset, "
    "`--columns image=NAME` of `crowdkit score`"
)
_HEADER = "write x and y over the columns, or no header where they are the first two"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the columns of a CSV file, or keys of JSON records.

    Attributes:
        image: File name of the image.
        x: Horizontal position in pixels.
        y: Vertical position in pixels.
        split: ``train``, ``validation`` or ``test``; the column may be absent.
        points: Key of a JSON record's list of [x, y] pairs.
        score: Confidence of a found point; the column may be absent.
    """

    image: str = "image"
    x: str = "x"
    y: str = "y"
    split: str = "split"
    points: str = "points"
    score: str = "score"


class Row(NamedTuple):
    """One point as read.

    Attributes:
        place: Where in the file.
        x: Converted, and refused, when asked for.
        y: The same.
        record: Everything the file says beside it, by column or key.
    """

    place: str
    x: Any
    y: Any
    record: Mapping[str, Any] = {}


@dataclass(slots=True)
class Listing:
    """What a table says of one image.

    Attributes:
        rows: A row per point.
        split: The split named beside the points, if any.
    """

    rows: list[Row] = field(default_factory=list)
    split: str | None = None

    def points(self, source: Path) -> NDArray[np.float64]:
        """(N, 2) numbers as written in the file.

        Raises:
            DataError: A coordinate is not a number; names the file and the place.
        """
        return _as_points([_pair(source, row) for row in self.rows])


def read_table(path: Path, columns: Columns) -> dict[str, Listing]:
    """Points of many images from one CSV or JSON file, by the image's name in it.

    CSV: a header, in capitals or not, and a row per point; a row with x and y left empty lists an
    image without people. JSON: ``{image: [[x, y], ...]}``, or a list of records that hold either
    ``points`` or one ``x`` and ``y``.

    Raises:
        DataError: The file cannot be read as either.
    """
    listings: dict[str, Listing] = {}
    for place, record in _records(path, columns):
        name = record.get(columns.image)
        if name is None or name == "":
            raise DataError(f"{path}: {place}: no {columns.image!r}", hint=_NAMING)
        listing = listings.setdefault(str(name).replace("\\", "/"), Listing())
        listing.rows.extend(_rows_of(path, place, record, columns))
        split = record.get(columns.split) or None
        if listing.split is not None and split != listing.split:
            raise DataError(f"{path}: {place}: {name} is both in {listing.split} and in {split}")
        listing.split = split
    return listings


def read_point_list(path: Path, columns: Columns) -> Listing:
    """Points of one image: lines of x and y, after a header that names them or without one.

    Without a header the first two columns are x and y. An empty file is an image without people.
    """
    rows = [(place, row) for place, row in read_rows(path) if any(cell.strip() for cell in row)]
    x, y = 0, 1
    if rows and not is_number(rows[0][1][0]):
        header = _header(path, rows[0][1], columns)
        _require_columns(path, header, [columns.x, columns.y], _HEADER)
        x, y = header.index(columns.x), header.index(columns.y)
        rows = rows[1:]
    else:
        header = [columns.x, columns.y]
    for place, row in rows:
        if len(row) <= max(x, y):
            raise DataError(f"{path}: {place}: {' '.join(row)!r}, expected x and y")
    return Listing([Row(place, row[x], row[y], _by_column(header, row)) for place, row in rows])


def read_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(``line n``, cells) of a text table separated by comma, semicolon, tab or spaces.

    Raises:
        DataError: Missing, not UTF-8, or malformed.
    """
    lines = read_text(path).splitlines()
    head = next((line for line in lines if line.strip()), "")
    separator = max(",;\t", key=head.count)
    if separator not in head:
        for number, line in enumerate(lines, 1):
            yield f"line {number}", line.split()
        return
    reader = csv.reader(lines, delimiter=separator)
    try:
        for row in reader:
            yield f"line {reader.line_num}", row
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: {error}") from error


def read_text(path: Path) -> str:
    """An annotation file as text.

    Raises:
        DataError: Missing, or not UTF-8.
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such annotation file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text: {error}") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file, in which no object says anything twice.

    Raises:
        DataError: Missing, not UTF-8, not JSON, or a key of an object occurs twice.
    """
    text = read_text(path)
    try:
        return json.loads(text, object_pairs_hook=_object)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}") from error


def shown(value: Any) -> str:
    """A value as an error shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


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


def _records(path: Path, columns: Columns) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix.lower() == ".json":
        return _json_records(path, columns)
    return _csv_records(path, columns)


def _csv_records(path: Path, columns: Columns) -> Iterator[tuple[str, Mapping[str, Any]]]:
    rows = read_rows(path)
    header = _header(path, next(rows, ("", []))[1], columns)
    _require_columns(path, header, [columns.image, columns.x, columns.y], _NAMING)
    for place, row in rows:
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(f"{path}: {place} has {len(row)} cells, the header {len(header)}")
        yield place, dict(zip(header, (cell.strip() for cell in row), strict=True))


def _json_records(path: Path, columns: Columns) -> Iterator[tuple[str, Mapping[str, Any]]]:
    content = read_json(path)
    if isinstance(content, dict):
        for name, points in content.items():
            yield repr(name), {columns.image: name, columns.points: points}
    elif isinstance(content, list) and all(isinstance(record, dict) for record in content):
        for index, record in enumerate(content):
            yield f"record {index + 1}", record
    else:
        raise DataError(f"{path}: expected {{image: [[x, y], ...]}} or a list of records")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    (key, times), *_ = [*Counter(key for key, _ in pairs).most_common(1), ("", 1)]
    if times > 1:
        raise DataError(f"{shown(key)} occurs twice in one object")
    return dict(pairs)


def _header(path: Path, cells: Sequence[str], columns: Columns) -> list[str]:
    """Names of the columns, those that are looked for as ``columns`` spells them."""
    names = [cell.strip() for cell in cells]
    spelled = {name.casefold(): name for name in astuple(columns) if name not in names}
    header = [spelled.get(name.casefold(), name) for name in names]
    twice = [name for name in astuple(columns) if header.count(name) > 1]
    if twice:
        raise DataError(f"{path}: column {twice[0]!r} occurs twice")
    return header


def _by_column(header: Sequence[str], row: Sequence[str]) -> Mapping[str, str]:
    """The cells of a row; beyond the header a column is known by its number."""
    names = [*header, *(str(number) for number in range(len(header) + 1, len(row) + 1))]
    return {name: cell.strip() for name, cell in zip(names, row, strict=False)}


def _require_columns(path: Path, header: list[str], wanted: list[str], hint: str) -> None:
    missing = [name for name in wanted if name not in header]
    if missing:
        raise DataError(
            f"{path}: no column {', '.join(map(repr, missing))}, "
            f"found {', '.join(map(repr, header)) or 'an empty file'}",
            hint=hint,
        )


def _rows_of(path: Path, place: str, record: Mapping[str, Any], columns: Columns) -> list[Row]:
    if columns.points in record:
        points = record[columns.points]
        if not isinstance(points, list):
            raise DataError(f"{path}: {place}: {points!r}, expected a list of [x, y]")
        for number, point in enumerate(points, 1):
            if not isinstance(point, list) or len(point) != 2:
                raise DataError(f"{path}: {place}: point {number} is {point!r}, expected [x, y]")
        return [Row(f"{place}, point {i}", x, y) for i, (x, y) in enumerate(points, 1)]
    if columns.x not in record or columns.y not in record:
        raise DataError(
            f"{path}: {place} has neither {columns.points!r} nor {columns.x!r} and {columns.y!r}",
            hint=_NAMING,
        )
    x, y = record[columns.x], record[columns.y]
    return [] if _blank(x) and _blank(y) else [Row(place, x, y, record)]


def _pair(source: Path, row: Row) -> tuple[float, float]:
    try:
        return float(row.x), float(row.y)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{source}: {row.place}: ({shown(row.x)}, {shown(row.y)}), expected two numbers"
        ) from error


def _as_points(pairs: list[tuple[float, float]]) -> NDArray[np.float64]:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def _blank(value: Any) -> bool:
    return value is None or value == ""
