"""COCO: keypoints and boxes of all images in one JSON file.

``bbox`` is [left, top, width, height] measured from the image's top left corner. Keypoints are
(x, y, visibility) and count pixels from 0, so that half a pixel is added to reach the middle of
the pixel; a visibility of 0 means that the point was not marked.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crowdkit_core.data.annotations.marks import Box, BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.records import Record, read_object
from crowdkit_core.interfaces import Size

DEFAULT_LABEL = "person"
HEAD_KEYPOINTS = ("head", "nose")
_PIXEL_CENTRE = 0.5
_VISIBLE = 2


def read(path: Path, point: BoxPoint) -> list[MarkedImage]:
    """A mark for each annotation: its head keypoint, or else the point of its box.

    The head is the keypoint ``head``, or else ``nose``, or the only one there is. Regions marked
    ``iscrowd`` hold an unknown number of people and are left out.

    Raises:
        DataError: The file is something else, or an annotation has neither.
    """
    document = read_object(path)
    categories = {each.values.get("id"): each for each in document.records("categories")}
    marks: defaultdict[Any, list[Mark]] = defaultdict(list)
    left_out: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    images = {each.values.get("id"): each for each in document.records("images")}
    for annotation in document.records("annotations"):
        image = annotation.values.get("image_id")
        if image not in images:
            raise annotation.error(f"image_id {image!r} is none of the images")
        if annotation.values.get("iscrowd"):
            left_out[image]["regions marked iscrowd"] += 1
            continue
        if annotation.values.get("segmentation"):
            left_out[image]["outlines"] += 1
        marks[image].append(_mark(annotation, categories, point))
    return [
        MarkedImage(
            name=record.text("file_name").replace("\\", "/"),
            marks=tuple(marks[key]),
            size=_size(record),
            left_out=left_out[key],
        )
        for key, record in images.items()
    ]


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """One keypoint ``head`` per mark, and its box; a mark without a box has one without area."""
    labels = sorted({mark.label or DEFAULT_LABEL for image in images for mark in image.marks})
    numbers = {label: number for number, label in enumerate(labels or [DEFAULT_LABEL], 1)}
    annotations = [
        _annotation(mark, image_id, numbers)
        for image_id, image in enumerate(images, 1)
        for mark in image.marks
    ]
    document = {
        "images": [_image(image, number) for number, image in enumerate(images, 1)],
        "annotations": [{"id": n, **each} for n, each in enumerate(annotations, 1)],
        "categories": [
            {"id": number, "name": label, "keypoints": ["head"], "skeleton": []}
            for label, number in numbers.items()
        ],
    }
    path.write_text(json.dumps(document), encoding="utf-8")


def _mark(annotation: Record, categories: Mapping[Any, Record], point: BoxPoint) -> Mark:
    category = categories.get(annotation.values.get("category_id"))
    if category is None:
        raise annotation.error(
            f"category_id {annotation.values.get('category_id')!r} is none of the categories"
        )
    label = category.text("name")
    score = None if annotation.values.get("score") is None else annotation.number("score")
    box = None
    if annotation.values.get("bbox") is not None:
        left, top, width, height = annotation.numbers("bbox", 4)
        box = Mark.of_box(
            Box.around([(left, top), (left + width, top + height)]),
            point,
            label=label,
            score=score,
        )
    head = _head(annotation, category)
    if head is not None:
        return Mark(*head, label, score, box.box if box else None)
    if box is None:
        raise annotation.error("neither a visible head keypoint nor a bbox")
    return box


def _head(annotation: Record, category: Record) -> tuple[float, float] | None:
    if not annotation.values.get("keypoints"):
        return None
    values = annotation.numbers("keypoints")
    if len(values) % 3:
        raise annotation.error(f"{len(values)} numbers in keypoints, expected x, y, visibility")
    names = category.values.get("keypoints") or []
    wanted = [names.index(name) for name in HEAD_KEYPOINTS if name in names]
    for index in [0] if len(values) == 3 else wanted:
        x, y, visibility = values[3 * index : 3 * index + 3]
        if visibility > 0:
            return x + _PIXEL_CENTRE, y + _PIXEL_CENTRE
    return None


def _size(record: Record) -> Size | None:
    if not record.values.get("height") or not record.values.get("width"):
        return None
    return int(record.number("height")), int(record.number("width"))


def _image(image: MarkedImage, number: int) -> dict[str, Any]:
    sides = {} if image.size is None else {"height": image.size[0], "width": image.size[1]}
    return {"id": number, "file_name": image.name, **sides}


def _annotation(mark: Mark, image_id: int, numbers: Mapping[str, int]) -> dict[str, Any]:
    box = mark.box or Box(mark.x, mark.y, mark.x, mark.y)
    return {
        "image_id": image_id,
        "category_id": numbers[mark.label or DEFAULT_LABEL],
        "bbox": [box.left, box.top, box.width, box.height],
        "area": box.width * box.height,
        "iscrowd": 0,
        "keypoints": [mark.x - _PIXEL_CENTRE, mark.y - _PIXEL_CENTRE, _VISIBLE],
        "num_keypoints": 1,
        **({} if mark.score is None else {"score": mark.score}),
    }
