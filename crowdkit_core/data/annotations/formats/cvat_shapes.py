"""The shapes of CVAT, in an image or in a frame of a track."""

from collections import Counter
from xml.etree.ElementTree import Element

from crowdkit_core.data.annotations.formats.records import Record, facts
from crowdkit_core.data.annotations.formats.shapes import (
    Corner,
    ellipse,
    is_turned,
    turned,
)
from crowdkit_core.data.annotations.formats.skeletons import Keypoint, head_of, heads
from crowdkit_core.data.annotations.marks import BoxPoint, Mark

_OUTLINES = frozenset({"polygon", "polyline"})


def marks_of(
    shape: Element,
    said: Record,
    point: BoxPoint,
    left_out: Counter[str],
    *,
    label: str | None = None,
) -> list[Mark]:
    """The marks of a shape; none where it is outside the frame.

    Args:
        shape: The element.
        said: Its attributes, and where it stands.
        point: Which point of a box is the head.
        left_out: What the shape says beyond its marks is counted here.
        label: That of the track; the shape's own when None.

    Raises:
        DataError: It is of another kind, or has no place.
    """
    if is_outside(shape):
        left_out["shapes outside the frame"] += 1
        return []
    left_out["attributes"] += len(shape.findall("attribute"))
    left_out["outlines"] += shape.tag in (*_OUTLINES, "mask", "ellipse")
    left_out["rotations"] += is_turned(said.number("rotation", 0.0))
    left_out["occluded"] += shape.get("occluded") == "1"
    left_out["group_id"] += facts(shape.get("group_id"))
    label = said.text("label", "") if label is None else label
    if shape.tag == "skeleton":
        return [_skeleton(shape, said, label, point, left_out)]
    return _marks(shape.tag, said, label, point)


def is_outside(shape: Element) -> bool:
    """Whether a shape is not to be seen in its frame; a skeleton where no element is."""
    if shape.tag == "skeleton" and shape.get("outside") is None:
        elements = shape.findall("points")
        return bool(elements) and all(map(is_outside, elements))
    return shape.get("outside") == "1"


def _skeleton(
    shape: Element, said: Record, label: str, point: BoxPoint, left_out: Counter[str]
) -> Mark:
    keypoints = []
    for number, element in enumerate(shape.findall("points"), 1):
        record = Record(said.source, f"{said.place}, points {number}", element.attrib)
        ((x, y),) = _pairs(record)[:1]
        keypoints.append(Keypoint(record.text("label", ""), x, y, not is_outside(element)))
    seen = [(each.x, each.y) for each in keypoints if each.visible]
    if not seen:
        raise said.error("no points")
    head = head_of(keypoints)
    left_out["further keypoints"] += len(seen) - (head is not None)
    left_out["heads not visible"] += bool(heads(keypoints)) and head is None
    if head is not None:
        return Mark(head.x, head.y, label)
    return Mark.of_box(said.box(seen), point, label=label)


def _marks(kind: str, shape: Record, label: str, point: BoxPoint) -> list[Mark]:
    if kind == "points":
        return [Mark(x, y, label) for x, y in _pairs(shape)]
    return [Mark.of_box(shape.box(corners_of(kind, shape)), point, label=label)]


def corners_of(kind: str, shape: Record) -> list[Corner]:
    """Corners whose box is that of the shape, turned about its centre.

    Those of a polygon, a polyline and a box are the shape itself.

    Raises:
        DataError: The shape is of another kind, or has no place.
    """
    rotation = shape.number("rotation", 0.0)
    if kind in _OUTLINES:
        return _pairs(shape)
    if kind == "box":
        left, top, right, bottom = (shape.number(name) for name in ("xtl", "ytl", "xbr", "ybr"))
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return turned(corners, rotation, about=shape.box(corners).centre)
    if kind == "ellipse":
        x, y, rx, ry = (shape.number(name) for name in ("cx", "cy", "rx", "ry"))
        return ellipse(x, y, rx, ry, rotation)
    if kind == "mask":
        left, top, width, height = (
            shape.number(name) for name in ("left", "top", "width", "height")
        )
        return shape.rectangle(left, top, width, height)
    raise shape.error("expected points, box, polygon, polyline, ellipse, mask or skeleton")


def _pairs(shape: Record) -> list[tuple[float, float]]:
    pairs = []
    for text in shape.text("points").split(";"):
        x, comma, y = text.partition(",")
        pair = Record(shape.source, shape.place, {"x": x, "y": y if comma else None})
        pairs.append((pair.number("x"), pair.number("y")))
    return pairs
