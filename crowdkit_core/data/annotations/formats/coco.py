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

from crowdkit_core.data.annotations.formats.format import (
    DEFAULT_LABEL,
    Format,
    Listed,
    Reading,
    listed,
)
from crowdkit_core.data.annotations.formats.records import Record, object_of
from crowdkit_core.data.annotations.formats.shapes import Corner
from crowdkit_core.data.annotations.formats.skeletons import Keypoint, head_of, heads
from crowdkit_core.data.annotations.marks import Box, BoxPoint, Mark, MarkedImage
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError, shown

_PIXEL_CENTRE = 0.5
_VISIBLE = 2
_READ = frozenset(
    {
        "id",
        "image_id",
        "category_id",
        "bbox",
        "area",
        "iscrowd",
        "keypoints",
        "num_keypoints",
        "score",
        "segmentation",
    }
)


def fits(file: TextFile) -> bool:
    """Whether the file has lists of images and annotations."""
    content = file.json
    return (
        isinstance(content, dict)
        and isinstance(content.get("images"), list)
        and "annotations" in content
    )


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each annotation: its head keypoint, or else the point of its box.

    The head is the keypoint ``head``, or else ``nose``, or the only one there is. Regions marked
    ``iscrowd`` hold an unknown number of people and are left out. Where ``bbox`` is empty or all 0
    the outline's box is meant.

    Raises:
        DataError: The file is something else, or an annotation has none of these.
    """
    document = object_of(file)
    categories, images = document.by_id("categories"), document.by_id("images")
    marks: defaultdict[str, list[Mark]] = defaultdict(list)
    left_out: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for annotation in document.records("annotations"):
        image = annotation.identity("image_id")
        if image not in images:
            raise _unknown(annotation, "image_id", "images")
        if annotation.optional("iscrowd"):
            left_out[image]["regions marked iscrowd"] += 1
            continue
        category = _category(annotation, categories)
        keypoints = _keypoints(annotation, category)
        left_out[image] += _left_out(annotation, keypoints)
        marks[image].append(_mark(annotation, category.text("name"), keypoints, reading.point))
    return listed(
        MarkedImage(
            name=record.text("file_name").replace("\\", "/"),
            marks=tuple(marks[key]),
            size=record.size("height", "width"),
            left_out=left_out[key],
        )
        for key, record in images.items()
    )


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


def _category(annotation: Record, categories: Mapping[str, Record]) -> Record:
    key = annotation.identity("category_id")
    if key not in categories:
        raise _unknown(annotation, "category_id", "categories")
    return categories[key]


def _unknown(annotation: Record, name: str, known: str) -> DataError:
    return annotation.error(f"{name} {shown(annotation.values[name])} is none of the {known}")


def _keypoints(annotation: Record, category: Record) -> list[Keypoint]:
    """All of an annotation; without names where the category has none."""
    if not annotation.values.get("keypoints"):
        return []
    values = annotation.numbers("keypoints")
    if len(values) % 3:
        raise annotation.error(f"{len(values)} numbers in keypoints, expected x, y, visibility")
    number = len(values) // 3
    names = category.values.get("keypoints") or [""] * number
    if not isinstance(names, list):
        raise category.error(f"keypoints is {shown(names)}, expected a list of names")
    if len(names) != number:
        raise annotation.error(f"{number} keypoints, the category names {len(names)}")
    triples = zip(names, values[::3], values[1::3], values[2::3], strict=True)
    return [Keypoint(str(name), x, y, seen > 0) for name, x, y, seen in triples]


def _left_out(annotation: Record, keypoints: Sequence[Keypoint]) -> Counter[str]:
    visible, found = sum(each.visible for each in keypoints), head_of(keypoints) is not None
    facts = {
        "outlines": int(bool(annotation.values.get("segmentation"))),
        "further keypoints": visible - found,
        "heads not visible": int(bool(heads(keypoints)) and not found),
    }
    return +Counter(facts) + annotation.unread(_READ)


def _mark(annotation: Record, label: str, keypoints: Sequence[Keypoint], point: BoxPoint) -> Mark:
    score = annotation.optional("score")
    corners = _corners(annotation)
    boxed = corners and Mark.of_box(annotation.box(corners), point, label=label, score=score)
    head = head_of(keypoints)
    if head is not None:
        x, y = head.x + _PIXEL_CENTRE, head.y + _PIXEL_CENTRE
        return Mark(x, y, label, score, boxed.box if boxed else None)
    if not boxed:
        raise annotation.error("neither a visible head keypoint nor a bbox nor an outline")
    return boxed


def _corners(annotation: Record) -> list[Corner]:
    """Of ``bbox``, or where it is empty or all 0 of the outline; none without both."""
    if annotation.values.get("bbox") not in (None, []):
        sides = annotation.numbers("bbox", 4)
        if any(sides):
            return annotation.rectangle(*sides)
    outlines = annotation.values.get("segmentation")
    if not isinstance(outlines, list):  # painted, run by run
        return []
    parts = {f"segmentation[{index}]": part for index, part in enumerate(outlines)}
    named = Record(annotation.source, annotation.place, parts)
    numbers = [named.numbers(name) for name in parts]
    return [corner for each in numbers for corner in zip(each[::2], each[1::2], strict=False)]


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


FORMAT = Format(
    title="COCO keypoints and boxes",
    origin="In CVAT *Export task dataset*, *COCO Keypoints* or *COCO*; most other tools have a"
    " COCO export too.",
    suffixes=(".json",),
    fits=fits,
    read=read,
    write=write,
    carries=frozenset({"labels", "scores", "boxes", "image sizes"}),
    carries_any_box=True,
)
