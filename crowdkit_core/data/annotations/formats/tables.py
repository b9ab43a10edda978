"""crowdkit's own tables: a row or a record per point, in one CSV or JSON file.

Columns ``image``, ``x`` and ``y``, and where there is something to say ``label``, ``score``,
the box's ``left``, ``top``, ``right`` and ``bottom``, and ``split``. A row with x and y left empty
is an image without people. Coordinates are pixels from the image's top left corner.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from crowdkit_core.data.annotations.formats.format import (
    Columns,
    Fact,
    Format,
    Listed,
    Reading,
    any_content,
)
from crowdkit_core.data.annotations.formats.headers import head, header_of, record_of
from crowdkit_core.data.annotations.formats.lookalikes import other_records
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.marks import Box, Mark, MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import TextFile, as_number
from crowdkit_core.errors import DataError, shown

SIDES = Box._fields
"""Columns of the box."""

_COLUMNS = Columns()
_NAMING = (
    "write image,x,y over the columns, or say what they are called: "
    "`--set dataset.columns.image=NAME` of a dataset, `--columns image=NAME` of `crowdkit score` "
    "and `crowdkit data convert`"
)


@dataclass(slots=True)
class _Rows:
    """The rows of one image."""

    records: list[Record] = field(default_factory=list)
    split: str | None = None


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each row or record with a point.

    JSON is ``{image: [[x, y], ...]}``, or a list of records that hold either ``points`` or one
    ``x`` and ``y``. The header of a CSV file may be in capitals.

    Raises:
        DataError: The file is something else, or lacks a column that is named.
    """
    columns = reading.columns
    images: dict[str, _Rows] = {}
    for record in _records(file, columns):
        name = record.values.get(columns.image)
        if name is None or name == "":
            raise DataError(
                f"{file}: {record.place}: no {columns.image!r}",
                hint=other_records(record.values) or _NAMING,
            )
        rows = images.setdefault(str(name).replace("\\", "/"), _Rows())
        rows.records += _points(record, columns)
        split = record.values.get(columns.split) or None
        if rows.split is not None and split != rows.split:
            raise record.error(f"{name} is both in {rows.split} and in {split}")
        rows.split = split
    _require_score(file, columns, [each for rows in images.values() for each in rows.records])
    return [
        Listed(
            name,
            rows.split or "",
            partial(marked, name, rows.records, columns, split=rows.split or ""),
        )
        for name, rows in images.items()
    ]


def marked(
    name: str, records: Sequence[Record], columns: Columns, *, split: str = ""
) -> MarkedImage:
    """The image that has one mark for each record.

    Raises:
        DataError: A coordinate is no finite number; names the file and the place.
    """
    own = {*astuple(columns), "label", *SIDES}
    return MarkedImage(
        name=name,
        marks=tuple(_mark(record, columns) for record in records),
        split=split,
        left_out=Counter(
            f"column {column!r}"
            for record in records
            for column, value in record.values.items()
            if column not in own and value not in (None, "")
        ),
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


def _records(file: TextFile, columns: Columns) -> Iterator[Record]:
    if file.path.suffix.lower() == ".json":
        return _json_records(file, columns)
    return _csv_records(file, columns)


def _csv_records(file: TextFile, columns: Columns) -> Iterator[Record]:
    needed = [columns.image, columns.x, columns.y]
    first, rows = head(file.rows, needed)
    header = header_of(file, first, columns, needed, _NAMING)
    return (record_of(file, place, header, row) for place, row in rows)


def _json_records(file: TextFile, columns: Columns) -> Iterator[Record]:
    content = file.json
    if isinstance(content, dict):
        for name, points in content.items():
            yield Record(file, repr(name), {columns.image: name, columns.points: points})
    elif isinstance(content, list) and all(isinstance(record, dict) for record in content):
        for number, values in enumerate(content, 1):
            yield Record(file, f"record {number}", values)
    else:
        raise DataError(f"{file}: expected {{image: [[x, y], ...]}} or a list of records")


def _points(record: Record, columns: Columns) -> list[Record]:
    """A record for each point: itself, one for each of its ``points``, or none."""
    values = record.values
    if columns.points in values:
        points = values[columns.points]
        if not isinstance(points, list):
            raise record.error(f"{shown(points)}, expected a list of [x, y]")
        for number, point in enumerate(points, 1):
            if not isinstance(point, list) or len(point) != 2:
                raise record.error(f"point {number} is {shown(point)}, expected [x, y]")
        return [
            Record(
                record.source,
                f"{record.place}, point {i}",
                dict(zip((columns.x, columns.y), point, strict=True)),
            )
            for i, point in enumerate(points, 1)
        ]
    if columns.x not in values or columns.y not in values:
        raise DataError(
            f"{record.source}: {record.place} has neither {columns.points!r} nor "
            f"{columns.x!r} and {columns.y!r}",
            hint=other_records(values) or _NAMING,
        )
    blank = all(values[name] in (None, "") for name in (columns.x, columns.y))
    return [] if blank else [record]


def _mark(record: Record, columns: Columns) -> Mark:
    values = record.values
    label = values.get("label")
    box = None
    empty = [side for side in SIDES if values.get(side) in (None, "")]
    if empty and len(empty) < len(SIDES) and values.keys() >= set(SIDES):
        raise record.error(f"{empty[0]} is empty, expected all sides of the box or none")
    if not empty:
        left, top, right, bottom = (record.number(side) for side in SIDES)
        box = record.box([(left, top), (right, bottom)])
    return Mark(
        *_xy(record, columns),
        "" if label is None else str(label),
        record.optional(columns.score),
        box,
    )


def _xy(record: Record, columns: Columns) -> tuple[float, float]:
    given = record.values[columns.x], record.values[columns.y]
    try:
        if any(isinstance(value, bool) for value in given):
            raise TypeError("true and false are no numbers")
        x, y = (as_number(value) if isinstance(value, str) else float(value) for value in given)
    except (TypeError, ValueError, OverflowError) as error:
        raise record.error(
            f"({shown(given[0])}, {shown(given[1])}), expected two numbers"
        ) from error
    if not (isfinite(x) and isfinite(y)):
        raise record.error(f"({x}, {y}), expected finite numbers")
    return x, y


def _require_score(file: TextFile, columns: Columns, records: Sequence[Record]) -> None:
    """A column of scores may be missing, but not one that somebody named."""
    named = columns.score != _COLUMNS.score
    if named and records and not any(columns.score in record.values for record in records):
        raise DataError(f"{file}: no column {columns.score!r}")


def _is_csv(file: TextFile) -> bool:
    """Whether there are columns of these names."""
    needed = _COLUMNS.image, _COLUMNS.x, _COLUMNS.y
    names = {name.casefold() for name in head(file.rows, needed)[0]}
    return names.issuperset(needed)


def _is_json(file: TextFile) -> bool:
    """Whether there are records of images, or lists of points by the names of images."""
    content = file.json
    if isinstance(content, dict):
        return bool(content) and all(
            without_ending(name) != name and isinstance(points, list)
            for name, points in content.items()
        )
    return isinstance(content, list) and bool(content) and all(map(_is_record, content))


def _is_record(value: Any) -> bool:
    keys = value.keys() if isinstance(value, dict) else set()
    return _COLUMNS.image in keys and (_COLUMNS.points in keys or {"x", "y"} <= keys)


def _all_columns() -> tuple[str, ...]:
    return (_COLUMNS.image, _COLUMNS.x, _COLUMNS.y, "label", _COLUMNS.score, *SIDES, _COLUMNS.split)


def _rows(image: MarkedImage) -> list[dict[str, Any]]:
    common: dict[str, Any] = {_COLUMNS.image: image.name}
    split = {_COLUMNS.split: image.split} if image.split else {}
    if not image.marks:
        return [{**common, _COLUMNS.x: None, _COLUMNS.y: None, **split}]
    return [{**common, **_facts(mark), **split} for mark in image.marks]


def _facts(mark: Mark) -> Mapping[str, Any]:
    return {
        _COLUMNS.x: mark.x,
        _COLUMNS.y: mark.y,
        **({"label": mark.label} if mark.label else {}),
        **({} if mark.score is None else {_COLUMNS.score: mark.score}),
        **({} if mark.box is None else mark.box._asdict()),
    }


_CARRIED: frozenset[Fact] = frozenset({"labels", "scores", "boxes", "splits"})

CSV = Format(
    title="crowdkit CSV, a row per point",
    origin="crowdkit writes it: `crowdkit count PHOTOS --points points.csv`; a spreadsheet or a"
    " script writes it as easily.",
    suffixes=(".csv", ".tsv"),
    fits=any_content,
    certain=_is_csv,
    read=read,
    write=write_csv_file,
    by_suffix=True,
    carries=_CARRIED,
    carries_any_box=True,
    has_columns=True,
)

JSON = Format(
    title="crowdkit JSON, a record per point",
    origin="crowdkit writes it: `crowdkit count PHOTOS --points points.json`.",
    suffixes=(".json",),
    fits=any_content,
    certain=_is_json,
    read=read,
    write=write_json_file,
    by_suffix=True,
    carries=_CARRIED,
    carries_any_box=True,
    has_columns=True,
)
