"""crowdkit's own tables: a row or a record per point, in one CSV or JSON file.

Columns ``image``, ``x`` and ``y``, and where there is something to say ``label``, ``score``,
the box's ``left``, ``top``, ``right`` and ``bottom``, and ``split``. A row with x and y left empty
is an image without people. Coordinates are pixels from the image's top left corner.
"""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from math import isfinite
from pathlib import Path
from typing import Any

from crowdkit_core.data.annotations.marks import Box, BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.records import Record
from crowdkit_core.data.points_files import Columns, Listing, Row, read_table
from crowdkit_core.errors import DataError

SIDES = Box._fields
"""Columns of the box."""

_COLUMNS = Columns()


def read(path: Path, point: BoxPoint) -> list[MarkedImage]:  # noqa: ARG001  # points are given
    """Everything the table says.

    Raises:
        DataError: The file is something else.
    """
    return read_named(path, _COLUMNS)


def read_named(path: Path, columns: Columns) -> list[MarkedImage]:
    """The same of a table whose columns have names of their own.

    Raises:
        DataError: The file is something else, or lacks a column that is named.
    """
    table = read_table(path, columns)
    _require_score(path, columns, [row for listing in table.values() for row in listing.rows])
    return [marked(name, listing, path, columns) for name, listing in table.items()]


def marked(name: str, listing: Listing, source: Path, columns: Columns) -> MarkedImage:
    """What a table says of one image.

    Raises:
        DataError: A coordinate is no finite number; names the file and the place.
    """
    points = listing.points(source).tolist()
    for (x, y), row in zip(points, listing.rows, strict=True):
        if not (isfinite(x) and isfinite(y)):
            raise DataError(f"{source}: {row.place}: ({x}, {y}), expected finite numbers")
    return MarkedImage(
        name=name,
        marks=tuple(
            _mark(x, y, Record(source, row.place, row.record), columns.score)
            for (x, y), row in zip(points, listing.rows, strict=True)
        ),
        split=listing.split or "",
        left_out=_other_columns(listing.rows, columns),
    )


def _other_columns(rows: Sequence[Row], columns: Columns) -> Counter[str]:
    own = {*astuple(columns), "label", *SIDES}
    return Counter(
        f"column {column!r}"
        for row in rows
        for column, value in row.record.items()
        if column not in own and value not in (None, "")
    )


def write_csv_file(path: Path, images: Sequence[MarkedImage]) -> None:
    """A row per mark, and one for each image without any."""
    rows = [row for image in images for row in _rows(image)]
    named = {column for row in rows for column in row}
    columns = [each for each in _all_columns() if each in named or each in ("image", "x", "y")]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def write_json_file(path: Path, images: Sequence[MarkedImage]) -> None:
    """A record per mark, and one for each image without any."""
    rows = [row for image in images for row in _rows(image)]
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")


def _all_columns() -> tuple[str, ...]:
    return (_COLUMNS.image, _COLUMNS.x, _COLUMNS.y, "label", _COLUMNS.score, *SIDES, _COLUMNS.split)


def _rows(image: MarkedImage) -> list[dict[str, Any]]:
    common: dict[str, Any] = {_COLUMNS.image: image.name}
    split = {_COLUMNS.split: image.split} if image.split else {}
    if not image.marks:
        return [{**common, _COLUMNS.x: None, _COLUMNS.y: None, **split}]
    return [{**common, **_facts(mark), **split} for mark in image.marks]


def _facts(mark: Mark) -> dict[str, Any]:
    return {
        _COLUMNS.x: mark.x,
        _COLUMNS.y: mark.y,
        **({"label": mark.label} if mark.label else {}),
        **({} if mark.score is None else {_COLUMNS.score: mark.score}),
        **({} if mark.box is None else mark.box._asdict()),
    }


def _require_score(path: Path, columns: Columns, rows: Sequence[Row]) -> None:
    """A column of scores may be missing, but not one that somebody named."""
    named = columns.score != _COLUMNS.score
    if named and rows and not any(columns.score in row.record for row in rows):
        raise DataError(f"{path}: no column {columns.score!r}")


def _mark(x: float, y: float, record: Record, score: str) -> Mark:
    label = record.values.get("label")
    box = None
    if all(record.values.get(side) not in (None, "") for side in SIDES):
        left, top, right, bottom = (record.number(side) for side in SIDES)
        box = record.box([(left, top), (right, bottom)])
    return Mark(
        x,
        y,
        "" if label is None else str(label),
        None if record.values.get(score) in (None, "") else record.number(score),
        box,
    )
