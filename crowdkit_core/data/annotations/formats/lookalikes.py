"""Rows of numbers that are no points: what they look like, so that none is read as points."""

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from crowdkit_core.data.annotations.formats import visdrone, yolo
from crowdkit_core.data.files import Row, is_number

_AS = "read them as format `{}`"
_TRACKS = "write a list of x and y for each image, of the boxes of its frame"
_NAMED = "write a header that names x, y and the others, or x and y alone"
_DECIMALS = f"{_NAMED}; beside decimal commas, separate columns by semicolons or tabs"


def looks_like(rows: Sequence[Row]) -> tuple[str, str]:
    """What most rows without a header look like, and what to do about it."""
    widths = [len(row) for _, row in rows]
    width = max(widths, key=widths.count)
    numeric = [row for _, row in rows if all(map(is_number, row))]
    for (name, hint), fits in _SHAPES.items():
        if 2 * sum(map(fits, numeric)) > len(rows):
            return name, hint
    columns = "one column" if width == 1 else f"{width} columns"
    return f"{columns} without a header", _DECIMALS if width == 3 else _NAMED


def other_documents(values: Mapping[str, Any]) -> str:
    """What to do about another tool's JSON of one image; empty where none is known.

    Example:
        >>> other_documents({"objects": [], "size": {}, "tags": []})
        'it looks like Supervisely: export COCO instead'
    """
    return next((hint for keys, hint in _DOCUMENTS.items() if keys <= values.keys()), "")


def other_records(values: Mapping[str, Any]) -> str:
    """What to do about a record of another tool's JSON; empty where none is known.

    Example:
        >>> other_records({"image_id": 1, "category_id": 1, "bbox": []})
        'it looks like results of COCO, which name no images: put them into its `annotations`'
    """
    return next((hint for keys, hint in _RECORDS.items() if keys <= values.keys()), "")


def are_jhu(rows: Sequence[Row]) -> bool:
    """Whether all rows are heads of JHU-Crowd++: ``x y w h occlusion blur``."""
    boxes_of_yolo = sum(yolo.row_fits(row) for _, row in rows)
    return 2 * boxes_of_yolo < len(rows) and all(_is_jhu(row) for _, row in rows)


def _is_jhu(row: Sequence[str]) -> bool:
    if len(row) != 6 or not all(map(is_number, row)):
        return False
    numbers = [float(cell) for cell in row]
    return _whole(numbers[4:5], 1, 3) and _whole(numbers[5:], 0, 1)


def _is_mot(row: Sequence[str]) -> bool:
    numbers = [*map(float, row)]
    tracks = len(row) in (7, 9, 10) and _whole(numbers[:1], 1) and _whole(numbers[1:2], -1)
    return tracks and min(numbers[4:6]) > 0


def _is_box(row: Sequence[str]) -> bool:
    return len(row) == 4


def _whole(numbers: Sequence[float], least: float, most: float = inf) -> bool:
    return all(each.is_integer() and least <= each <= most for each in numbers)


_DOCUMENTS: Mapping[frozenset[str], str] = {
    frozenset({"objects", "size"}): "it looks like Supervisely: export COCO instead",
    frozenset({"annotations", "item"}): "it looks like Darwin (V7): export COCO instead",
}

_RECORDS: Mapping[frozenset[str], str] = {
    frozenset({"image_id", "category_id"}): (
        "it looks like results of COCO, which name no images: put them into its `annotations`"
    ),
    frozenset({"annotation_id", "annotator"}): (
        "it looks like JSON-MIN of Label Studio: export *JSON*"
    ),
}

_SHAPES: Mapping[tuple[str, str], Callable[[Sequence[str]], bool]] = {
    ("YOLO labels (class and a box in shares of the image)", _AS.format("yolo")): yolo.row_fits,
    ("VisDrone boxes (left, top, width, height, ...)", _AS.format("visdrone")): visdrone.row_fits,
    ("MOT tracks (frame, id, left, top, width, height, ...)", _TRACKS): _is_mot,
    ("boxes (four numbers each) or decimal commas", _DECIMALS): _is_box,
}
