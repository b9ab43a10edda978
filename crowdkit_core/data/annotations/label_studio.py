"""Label Studio: a list of tasks in one JSON file, its own format for export and import.

Coordinates are per cent of the image's width and height from its top left corner; each result
carries the size of the image. Written tasks name their image as a file of local storage.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from crowdkit_core.data.annotations.marks import Box, BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.records import Record, read_json, records_of
from crowdkit_core.interfaces import Size

DEFAULT_LABEL = "person"
_POINT_WIDTH = 0.5
_LOCAL = "/data/local-files/?d="
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")


def read(path: Path, point: BoxPoint) -> list[MarkedImage]:
    """A mark for each keypoint and each rectangle; an ellipse or polygon is the box round it.

    Of several annotations of an image the first that was not skipped is read, and of an image
    without any its first prediction. Results that mark no place are left out.

    Raises:
        DataError: The file is something else.
    """
    return [_read_task(task, point) for task in records_of(path, "task", read_json(path))]


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """A keypoint for each mark, or its rectangle where the point is the rectangle's centre.

    Every image with marks has its size.
    """
    path.write_text(json.dumps([_task(image) for image in images]), encoding="utf-8")


def image_name(reference: str) -> str:
    """The image's name in what a task says of where it is.

    Example:
        >>> image_name("/data/upload/3/0a1b2c3d-night.jpg")
        'night.jpg'
        >>> image_name("/data/local-files/?d=photos/a%20b.jpg")
        'photos/a b.jpg'
        >>> image_name("https://example.org/photos/a.jpg")
        'photos/a.jpg'
    """
    parts = urlsplit(reference)
    local = parse_qs(parts.query).get("d")
    path = local[0] if local else unquote(parts.path) if parts.scheme else unquote(reference)
    if path.startswith("/data/upload/"):
        return _UPLOADED.sub("", path.rpartition("/")[2])
    return path.lstrip("/").replace("\\", "/")


def _read_task(task: Record, point: BoxPoint) -> MarkedImage:
    left_out: Counter[str] = Counter()
    results = _results(task, left_out)
    labels = {str(each.values.get("id")): label for each in results if (label := _label(each))}
    marks: list[Mark] = []
    size: Size | None = None
    for result in results:
        kind = result.text("type").removesuffix("labels")
        if kind not in ("keypoint", "rectangle", "ellipse", "polygon"):
            if kind == "brush":
                raise result.error("painted masks have no points; expected keypoints or boxes")
            left_out[f"results of type {result.text('type')}"] += kind != ""
            continue
        left_out["outlines"] += kind in ("ellipse", "polygon")
        size = int(result.number("original_height")), int(result.number("original_width"))
        label = labels.get(str(result.values.get("id")), "") or _label(result)
        score = None if result.values.get("score") is None else result.number("score")
        marks.append(_mark(kind, result.record("value"), size, point, label, score))
    return MarkedImage(
        name=image_name(_reference(task)), marks=tuple(marks), size=size, left_out=+left_out
    )


def _results(task: Record, left_out: Counter[str]) -> list[Record]:
    done = [each for each in task.records("annotations") if not each.values.get("was_cancelled")]
    chosen = done or list(task.records("predictions"))
    left_out["further annotations of an image"] += len(chosen[1:])
    return list(chosen[0].records("result")) if chosen else []


def _reference(task: Record) -> str:
    data = task.record("data")
    if "image" in data.values:
        return data.text("image")
    texts = [value for value in data.values.values() if isinstance(value, str)]
    if len(texts) != 1:
        raise data.error("no 'image'")
    return texts[0]


def _label(result: Record) -> str:
    """The first label of a result; a marked place and its label may be two results of one id."""
    value = result.record("value", {})
    labels = value.values.get(result.text("type"))
    return str(labels[0]) if isinstance(labels, list) and labels else ""


def _mark(
    kind: str, value: Record, size: Size, point: BoxPoint, label: str, score: float | None
) -> Mark:
    right, down = size[1] / 100, size[0] / 100
    if kind == "polygon":
        pairs = value.values.get("points")
        corners = [
            Record(value.source, value.place, {"point": pair}).numbers("point", 2)
            for pair in (pairs if isinstance(pairs, list) else [])
        ]
        if not corners:
            raise value.error("no points")
        box = Box.around((x * right, y * down) for x, y in corners)
        return Mark.of_box(box, point, label=label, score=score)
    x, y = value.number("x") * right, value.number("y") * down
    if kind == "keypoint":
        return Mark(x, y, label, score)
    if kind == "ellipse":
        wide, high = value.number("radiusX") * right, value.number("radiusY") * down
        box = Box.around([(x - wide, y - high), (x + wide, y + high)])
    else:
        wide, high = value.number("width") * right, value.number("height") * down
        box = Box.around([(x, y), (x + wide, y + high)])
    return Mark.of_box(box, point, label=label, score=score)


def _task(image: MarkedImage) -> dict[str, Any]:
    results = [_result(mark, image.size) for mark in image.marks if image.size is not None]
    return {
        "data": {"image": _LOCAL + quote(image.name)},
        "annotations": [
            {"result": [{"id": f"{number}", **each} for number, each in enumerate(results, 1)]}
        ],
    }


def _result(mark: Mark, size: Size) -> dict[str, Any]:
    right, down = size[1] / 100, size[0] / 100
    box = mark.centred_box
    if box is None:
        place = {"x": mark.x / right, "y": mark.y / down, "width": _POINT_WIDTH}
    else:
        place = {
            "x": box.left / right,
            "y": box.top / down,
            "width": box.width / right,
            "height": box.height / down,
            "rotation": 0,
        }
    kind = "keypointlabels" if box is None else "rectanglelabels"
    return {
        "type": kind,
        "from_name": "label",
        "to_name": "image",
        "original_width": size[1],
        "original_height": size[0],
        "image_rotation": 0,
        "value": {**place, kind: [mark.label or DEFAULT_LABEL]},
        **({} if mark.score is None else {"score": mark.score}),
    }
