"""Write counts and points as tables, with the columns that crowdkit writes."""

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crowdkit_onnx.errors import UsageError
from crowdkit_onnx.result import Counted

UNUSED = ("frame", "time", "smoothed", "t", "z", "channel")
"""Columns of crowdkit's tables of clips and stacks."""

Row = dict[str, Any]


COUNT_COLUMNS = (
    "file",
    "count",
    "whole_count",
    "width",
    "height",
    "approximate",
    "low",
    "high",
    "level",
    "points_found",
    *UNUSED,
)

POINT_COLUMNS = ("image", "x", "y", "score")


def count_row(counted: Counted) -> Row:
    """The row of one image in a table of counts."""
    interval = counted.interval
    return {
        "file": counted.name,
        "count": counted.count,
        "whole_count": counted.count,
        "width": counted.size[1],
        "height": counted.size[0],
        "approximate": False,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "level": None if interval is None else interval.level,
        "points_found": None if counted.points is None else counted.found,
        **dict.fromkeys(UNUSED),
    }


def point_rows(images: Sequence[Counted]) -> list[Row]:
    """A row per point; images are named by their path below the folder they have in common."""
    files = [Path(os.path.abspath(each.name)) for each in images]
    root = os.path.commonpath([file.parent for file in files])
    rows: list[Row] = []
    for file, counted in zip(files, images, strict=True):
        name = file.relative_to(root).as_posix()
        rows += [{"image": name, "x": x, "y": y, "score": score} for x, y, score in counted.people]
        if not counted.found:
            rows.append({"image": name})
    return rows


def require_table(path: Path) -> None:
    """Refuse a table that would be neither CSV nor JSON.

    Raises:
        UsageError: The suffix is neither ``.csv`` nor ``.json``.
    """
    if path.suffix.lower() not in {".csv", ".json"}:
        raise UsageError(f"{path}: tables are written as .csv or .json")


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write rows, those of a CSV file with all columns; errors as of `require_table`."""
    require_table(path)
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as opened:
        if path.suffix.lower() == ".json":
            json.dump(rows, opened, indent=2, ensure_ascii=False)
            return
        writer = csv.DictWriter(opened, columns)
        writer.writeheader()
        writer.writerows(rows)
