"""QuPath: the objects of an image as GeoJSON.

Coordinates are pixels of the full image from its top left corner, as everywhere in crowdkit. The
classification is the label. The file does not say which image it is of: it is called as the image
is.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.planes import Plane, of_planes
from crowdkit_core.data.annotations.formats.records import Record, records_of
from crowdkit_core.data.annotations.formats.shapes import Corner, rectangle
from crowdkit_core.data.annotations.formats.tool_tables import image_of
from crowdkit_core.data.annotations.marks import Box, BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError, shown

_POINTS = ("Point", "MultiPoint")
_OBJECTS = frozenset({"detection", "cell", "pathdetectionobject", "pathcellobject"})
_REGIONS = frozenset(
    {"tile", "tmacore", "tma_core", "root", "pathtileobject", "tmacoreobject", "pathrootobject"}
)
_CHILDREN = ("childObjects", "children")


def fits(file: TextFile) -> bool:
    """Whether it is a feature, a list or a collection of them."""
    content = file.json
    if isinstance(content, list):
        return bool(content) and all(map(_is_feature, content))
    return _is_feature(content) or (
        isinstance(content, dict) and content.get("type") == "FeatureCollection"
    )


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each point, and for the box round each outline; of a cell, round its nucleus.

    Where there are detections or cells, outlines that are annotations are the regions in which
    those were looked for, and are left out, as are tiles and the cores of tissue microarrays.

    Raises:
        DataError: The file is something else, or its objects lie on several planes.
    """
    features = features_of(file)
    found = any(_kind(feature) in _OBJECTS for feature in features)
    marks: list[Mark] = []
    planes: list[Plane] = []
    left_out: Counter[str] = Counter()
    for feature in features:
        kind = _kind(feature)
        if kind in _REGIONS:
            left_out["regions"] += 1
            continue
        geometry = _geometry(feature)
        outline = geometry.text("type", "") not in _POINTS
        if outline and found and kind not in _OBJECTS:
            left_out["regions"] += 1
            continue
        of_feature = _marks(feature, geometry, reading.point)
        marks += of_feature
        planes += [_plane(geometry)] * len(of_feature)
        left_out["outlines"] += outline
        properties = feature.record("properties", {}).values
        left_out["measurements"] += bool(properties.get("measurements"))
    left_out += of_planes(file, planes, reading.planes, first=0.0)
    name = image_of(file, reading, FORMAT.named)
    return listed([MarkedImage(name=name, marks=tuple(marks), left_out=+left_out)])


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """Annotations of one image: points of one class together, each box by itself."""
    (image,) = images
    features: list[dict[str, Any]] = []
    for (label, boxed), group in groupby(image.marks, key=_grouped):
        marks = [*group]
        if boxed:
            boxes = [mark.box for mark in marks if mark.box is not None]
            features += [_feature(label, "Polygon", [_ring(box)]) for box in boxes]
        else:
            features.append(_feature(label, "MultiPoint", [[m.x, m.y] for m in marks]))
    content = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _is_feature(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "Feature" and "geometry" in value


def features_of(file: TextFile) -> list[Record]:
    """All features, those that are written inside others too.

    Raises:
        DataError: The file is something else.
    """
    return [each for top in _features(file) for each in _with_children(top)]


def label_of(feature: Record) -> str:
    """The classification of an object; empty without one."""
    classification = feature.record("properties", {}).values.get("classification")
    if isinstance(classification, dict):
        names = classification.get("names")
        name = classification.get("name") or (names if isinstance(names, list) else "")
        return ": ".join(map(str, name)) if isinstance(name, list) else str(name)
    return str(classification or "")


def _features(file: TextFile) -> Iterator[Record]:
    content = file.json
    if not isinstance(content, dict | list):
        raise DataError(f"{file}: {shown(content)}, expected GeoJSON")
    if isinstance(content, dict) and content.get("type") == "FeatureCollection":
        return records_of(file, "features", content.get("features"))
    return records_of(file, "features", content if isinstance(content, list) else [content])


def _with_children(feature: Record) -> Iterator[Record]:
    """An object and those inside it, which QuPath may write inside it."""
    if not _is_feature(feature.values):
        raise feature.error("expected a Feature with a geometry")
    yield feature
    properties = feature.record("properties", {})
    for name in _CHILDREN:
        for child in properties.records(name):
            yield from _with_children(child)


def _kind(feature: Record) -> str:
    """What the object is, in small letters; QuPath 0.2 says it elsewhere."""
    properties = feature.record("properties", {}).values
    known = properties.get("objectType") or properties.get("object_type") or properties.get("type")
    return str(known or feature.values.get("id") or "").casefold()


def _geometry(feature: Record) -> Record:
    """The nucleus of a cell that has one, or else the object's outline or points."""
    nucleus = feature.values.get("nucleusGeometry")
    return feature.record("nucleusGeometry" if nucleus else "geometry")


def _marks(feature: Record, geometry: Record, point: BoxPoint) -> list[Mark]:
    label = label_of(feature)
    corners = _corners(geometry)
    if not corners:
        raise geometry.error("no coordinates")
    if geometry.text("type", "") in _POINTS:
        return [Mark(x, y, label) for x, y in corners]
    return [Mark.of_box(geometry.box(corners), point, label=label)]


def _plane(geometry: Record) -> Plane:
    plane = geometry.record("plane", {})
    return plane.number("z", 0.0), plane.number("t", 0.0)


def _corners(geometry: Record) -> list[Corner]:
    """Every position of a geometry of any type."""
    if geometry.text("type", "") == "GeometryCollection":
        return [corner for each in geometry.records("geometries") for corner in _corners(each)]
    return [*_positions(geometry, geometry.values.get("coordinates"))]


def _positions(geometry: Record, value: Any) -> Iterator[Corner]:
    if isinstance(value, list) and value and not isinstance(value[0], list):
        pair = Record(geometry.source, geometry.place, {"position": value[:2]})
        x, y = pair.numbers("position", 2)
        yield x, y
        return
    if not isinstance(value, list):
        raise geometry.error(f"coordinates {shown(value)}, expected lists of numbers")
    for each in value:
        yield from _positions(geometry, each)


def _grouped(mark: Mark) -> tuple[str, bool]:
    return mark.label, mark.centred_box is not None


def _ring(box: Box) -> list[list[float]]:
    corners = rectangle(box.left, box.top, box.width, box.height)
    return [[x, y] for x, y in [*corners, corners[0]]]


def _feature(label: str, kind: str, coordinates: Any) -> dict[str, Any]:
    named = {"classification": {"name": label}} if label else {}
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", **named},
    }


FORMAT = Format(
    title="QuPath GeoJSON, a file per image",
    origin="In QuPath *File*, *Export objects as GeoJSON*; dropped on the image, QuPath opens it"
    " again.",
    suffixes=(".geojson", ".json"),
    fits=fits,
    read=read,
    write=write,
    per_image=True,
    key=without_ending,
    carries=frozenset({"labels", "boxes"}),
    example="""{"type": "FeatureCollection", "features": [
 {"type": "Feature",
  "geometry": {"type": "MultiPoint", "coordinates": [[10.5, 20.5], [30.5, 41.5]]},
  "properties": {"objectType": "annotation", "classification": {"name": "Tumor"}}}]}
""",
)
