"""Label Studio: a list of tasks in one JSON file, its own format for export and import.

Coordinates are per cent of the image's width and height from its top left corner; each result
carries the size of the image. A rectangle is turned about its upper left corner, an ellipse about
its centre, both in pixels. Written tasks name their image as a file of local storage.

An annotation that was submitted without any region says that nobody is there. A task without a
submitted annotation says nothing, as if the image were not listed: neither skipped annotations nor
drafts nor predictions are taken for the truth.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from crowdkit_core.data.annotations.formats.format import (
    DEFAULT_LABEL,
    Format,
    Listed,
    Reading,
    listed,
)
from crowdkit_core.data.annotations.formats.records import Record, records_of
from crowdkit_core.data.annotations.formats.shapes import (
    Corner,
    ellipse,
    is_turned,
    turned,
)
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size

_POINT_WIDTH = 0.5
_LOCAL = "/data/local-files/?d="
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
_SHAPES = ("keypoint", "rectangle", "ellipse", "polygon")
_PAINTED = ("brush", "bitmask", "magicwand")
_OTHER_SHAPES = ("vector", "videorectangle")
_READ = frozenset(
    {
        "id",
        "type",
        "from_name",
        "to_name",
        "original_width",
        "original_height",
        "image_rotation",
        "value",
        "score",
        "origin",
    }
)


def fits(file: TextFile) -> bool:
    """Whether the file is a list of tasks."""
    tasks = file.json
    return isinstance(tasks, list) and bool(tasks) and all(map(_is_task, tasks))


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each keypoint and each rectangle; other and turned shapes are the box round them.

    Of several annotations of an image the one marked as ground truth (the star) is read; without
    one they are refused. What is said of a region beside its label is left out.

    Raises:
        DataError: The file is something else, or an image has several annotations.
    """
    tasks = records_of(file, "task", file.json)
    return [_read_task(task, reading.point) for task in tasks]


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


def _is_task(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("data"), dict)


def _read_task(task: Record, point: BoxPoint) -> Listed:
    name = image_name(_reference(task))
    submitted = [
        each for each in task.records("annotations") if not each.values.get("was_cancelled")
    ]
    if not submitted:
        return Listed(name, "", None)
    left_out = Counter(
        {
            "further annotations of an image": len(submitted) - 1,
            "predictions": len(list(task.records("predictions"))),
        }
    )
    results = list(_truth(task, name, submitted).records("result"))
    return listed([_read_results(name, results, point, left_out)])[0]


def _truth(task: Record, name: str, submitted: Sequence[Record]) -> Record:
    """The annotation that is right.

    Raises:
        DataError: Nothing says which.
    """
    starred = [each for each in submitted if each.values.get("ground_truth")]
    chosen = starred or submitted
    if len(chosen) > 1:
        kind = "annotations marked as ground truth" if starred else "annotations"
        error = task.error(f"{name} has {len(chosen)} {kind}, expected one")
        raise DataError(
            error.message,
            hint="mark the right one as ground truth (the star) in Label Studio, or delete or skip"
            " the others, and export again",
        )
    return chosen[0]


def _read_results(
    name: str, results: Sequence[Record], point: BoxPoint, left_out: Counter[str]
) -> MarkedImage:
    labels = {str(each.values.get("id")): named for each in results if (named := _labels(each))}
    marks: list[Mark] = []
    size: Size | None = None
    for result in results:
        kind = result.text("type").removesuffix("labels")
        if kind not in _SHAPES:
            _require_no_place(result, kind)
            left_out[f"results of type {kind}"] += kind != ""
            continue
        _require_upright(result)
        named = labels.get(str(result.values.get("id"))) or [""]
        left_out["further labels"] += len(named) - 1
        left_out["outlines"] += kind in ("ellipse", "polygon")
        left_out["rotations"] += is_turned(result.record("value").number("rotation", 0.0))
        left_out += result.unread(_READ)
        size = _size(result, size)
        value = result.record("value")
        box = value.box(_corners(kind, value, size))
        score = result.optional("score")
        marks.append(Mark.of_box(box, point, label=named[0], score=score))
    return MarkedImage(name=name, marks=tuple(marks), size=size, left_out=+left_out)


def _require_no_place(result: Record, kind: str) -> None:
    """Refuse marked people that cannot be read; a choice or a text marks nobody."""
    if kind in _PAINTED:
        raise result.error("painted masks have no points; expected keypoints or boxes")
    if kind in _OTHER_SHAPES or (kind and result.text("type").endswith("labels")):
        raise result.error(f"{result.text('type')} cannot be read; expected keypoints or boxes")


def _size(result: Record, of_others: Size | None) -> Size:
    size = int(result.number("original_height")), int(result.number("original_width"))
    if min(size) < 1:
        raise result.error(f"original_width x original_height is {size[1]} x {size[0]}")
    if of_others not in (None, size):
        raise result.error(f"the image is of another size, {size[1]} x {size[0]}, than before")
    return size


def _reference(task: Record) -> str:
    """What a task says of where its image is: `image`, or the only text that ends as an image."""
    data = task.record("data")
    if "image" in data.values:
        return data.text("image")
    texts = [value for value in data.values.values() if isinstance(value, str)]
    images = [text for text in texts if without_ending(name := image_name(text)) != name]
    chosen = images or texts
    if len(chosen) != 1:
        raise data.error(f"no 'image', and {len(chosen)} texts that may be the image")
    return chosen[0]


def _labels(result: Record) -> list[str]:
    """Of a result; a marked place and its labels may be two results of one id.

    What is chosen, written or rated for a region is not its label.
    """
    kind = result.text("type")
    labels = result.record("value", {}).values.get(kind) if kind.endswith("labels") else None
    return [str(label) for label in labels] if isinstance(labels, list) else []


def _require_upright(result: Record) -> None:
    rotation = result.number("image_rotation", 0.0)
    if is_turned(rotation):
        raise result.error(
            f"image_rotation is {rotation}: places on an image turned in the tool cannot be read"
        )


def _corners(kind: str, value: Record, size: Size) -> list[Corner]:
    """Corners in pixels whose box is that of the shape."""
    right, down = size[1] / 100, size[0] / 100
    if kind == "polygon":
        return [(x * right, y * down) for x, y in _pairs(value)]
    x, y = value.number("x") * right, value.number("y") * down
    if kind == "keypoint":
        return [(x, y)]
    rotation = value.number("rotation", 0.0)
    if kind == "ellipse":
        wide, high = value.number("radiusX") * right, value.number("radiusY") * down
        return ellipse(x, y, wide, high, rotation)
    wide, high = value.number("width") * right, value.number("height") * down
    return turned(value.rectangle(x, y, wide, high), rotation, about=(x, y))


def _pairs(value: Record) -> list[list[float]]:
    pairs = value.values.get("points")
    if not isinstance(pairs, list) or not pairs:
        raise value.error("no points")
    return [Record(value.source, value.place, {"point": p}).numbers("point", 2) for p in pairs]


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


FORMAT = Format(
    title="Label Studio JSON",
    origin="In Label Studio *Export*, *JSON* (not *JSON-MIN*), from a project with"
    " `KeyPointLabels` or `RectangleLabels`.",
    suffixes=(".json",),
    fits=fits,
    read=read,
    write=write,
    carries=frozenset({"labels", "scores", "boxes", "image sizes"}),
    needs_sizes=True,
)
