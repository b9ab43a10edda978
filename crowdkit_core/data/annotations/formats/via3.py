"""Projects of VGG Image Annotator 3, which keep files, views and regions apart.

A view shows files; a region belongs to a view, and its ``xy`` is the number of its shape followed
by its coordinates.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from crowdkit_core.data.annotations.formats.records import Record, facts
from crowdkit_core.data.annotations.formats.shapes import Corner, ellipse
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage

PARTS = frozenset({"project", "file", "view", "metadata"})
"""What every project has."""

LABEL = "label"
_WITH_PATH = (2, 3)
"""Where a file is: of these kinds its ``src`` says it, of the others ``fname``."""


class _Shape(NamedTuple):
    name: str
    numbers: int | None
    """Coordinates; None for any even number."""


_SHAPES: Mapping[int, _Shape] = {
    1: _Shape("point", 2),
    2: _Shape("rectangle", 4),
    3: _Shape("circle", 3),
    4: _Shape("ellipse", 4),
    5: _Shape("line", 4),
    6: _Shape("polyline", None),
    7: _Shape("polygon", None),
    8: _Shape("extreme rectangle", 8),
}


def read_project(document: Record, point: BoxPoint) -> list[MarkedImage]:
    """The images of a project, those without regions included.

    Raises:
        DataError: A region is of a video or of several files, or is something else.
    """
    files, views = document.record("file"), document.record("view")
    regions: defaultdict[str, list[Record]] = defaultdict(list)
    metadata = document.record("metadata")
    for key in metadata.values:
        region = metadata.record(key)
        view = str(region.identity("vid"))
        if view not in views.values:
            raise region.error(f"vid {view!r} is none of the views")
        regions[view].append(region)
    attributes = document.record("attribute", {})
    return [
        _image(views.record(view), files, regions[view], attributes, point) for view in views.values
    ]


def _image(
    view: Record, files: Record, regions: list[Record], attributes: Record, point: BoxPoint
) -> MarkedImage:
    shown = view.values.get("fid_list")
    if not isinstance(shown, list) or len(shown) != 1:
        raise view.error(f"fid_list is {shown!r}, expected the one file that it shows")
    left_out: Counter[str] = Counter()
    marks = []
    for region in regions:
        said = region.record("av", {})
        label = _label(said, attributes)
        others = facts(said.values) - (label != "")
        if not region.values.get("xy"):
            left_out["attributes of whole images"] += facts(said.values)
            continue
        if region.values.get("z"):
            raise region.error("at a time of a video, expected a region of an image")
        left_out["attributes"] += others
        marks.append(_mark(region, label, point, left_out))
    name = _name(files.record(str(shown[0])))
    return MarkedImage(name=name, marks=tuple(marks), left_out=+left_out)


def _name(file: Record) -> str:
    source = file.values.get("src")
    if file.values.get("loc") in _WITH_PATH and isinstance(source, str) and source:
        return source.replace("\\", "/")
    return file.text("fname").replace("\\", "/")


def _label(said: Record, attributes: Record) -> str:
    """The value of the attribute ``label``; where it is chosen from options, that option."""
    for key, value in said.values.items():
        attribute = attributes.record(key, {})
        if attribute.values.get("aname") == LABEL:
            options: Mapping[str, Any] = attribute.record("options", {}).values
            return str(options.get(str(value), value))
    return ""


def _mark(region: Record, label: str, point: BoxPoint, left_out: Counter[str]) -> Mark:
    number, *xy = region.numbers("xy")
    shape = _SHAPES.get(int(number)) if number.is_integer() else None
    if shape is None:
        known = ", ".join(f"{each} {known.name}" for each, known in _SHAPES.items())
        raise region.error(f"shape {number:g}, expected one of {known}")
    if len(xy) != shape.numbers and (shape.numbers is not None or len(xy) % 2 or not xy):
        raise region.error(f"{len(xy)} coordinates of a {shape.name}")
    if shape.name == "point":
        return Mark(xy[0], xy[1], label)
    left_out["outlines"] += shape.name not in ("rectangle", "extreme rectangle")
    return Mark.of_box(region.box(_corners(region, shape.name, xy)), point, label=label)


def _corners(region: Record, shape: str, xy: list[float]) -> list[Corner]:
    """Corners whose box is that of the shape."""
    if shape == "rectangle":
        return region.rectangle(*xy)
    if shape == "circle":
        x, y, radius = xy
        return ellipse(x, y, radius, radius)
    if shape == "ellipse":
        x, y, wide, high = xy
        return ellipse(x, y, wide, high)
    return [*zip(xy[::2], xy[1::2], strict=True)]
