"""Read labelled areas, such as zones, from the files of annotation tools.

Read are polygons and rectangles of CVAT for images 1.1 and of LabelMe, and polygons of GeoJSON
(QuPath, geojson.io), all in pixels of the image. Points and lines are no areas and are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from crowdkit_core.data.annotations.formats import cvat, cvat_shapes, labelme, qupath_geojson
from crowdkit_core.data.annotations.formats.records import Record, object_of
from crowdkit_core.data.annotations.formats.shapes import Corner, rectangle
from crowdkit_core.data.annotations.formats.xml_files import parse
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError, shown
from crowdkit_core.interfaces import Size

Ring = Sequence[Corner]
"""Corners in order, closed by itself."""

_NO_AREAS = frozenset(
    {"points", "polyline", "skeleton", "tag", "point", "line", "linestrip", "Point", "MultiPoint"}
    | {"LineString", "MultiLineString"}
)
_DRAW = "draw it as a polygon"


@dataclass(frozen=True, slots=True)
class Outline:
    """A labelled area.

    Attributes:
        label: As the tool has it; empty where it has none.
        parts: Of each polygon the outer ring, then those of its holes.
        place: Where it stands in the file, in words.
    """

    label: str
    parts: Sequence[Sequence[Ring]]
    place: str


@dataclass(frozen=True, slots=True)
class OutlinedImage:
    """The areas of one image.

    Attributes:
        outlines: In the order of the file.
        size: (H, W) of the image in pixels; None where the file does not say it.
    """

    outlines: tuple[Outline, ...]
    size: Size | None


def read_outlines(file: TextFile) -> OutlinedImage | None:
    """The areas in a file of CVAT, LabelMe or GeoJSON; None for JSON of another kind.

    Raises:
        DataError: The file cannot be read, holds areas of several images, or a shape that is an
            area and no polygon.
    """
    if not file.text.strip():
        raise DataError(f"{file}: an empty file")
    if file.text.lstrip().startswith("<"):
        return _of_cvat(file)
    if labelme.fits(file):
        document = object_of(file)
        outlines = tuple(_of_labelme(document.records("shapes")))
        return OutlinedImage(outlines, document.size("imageHeight", "imageWidth"))
    if qupath_geojson.fits(file):
        return OutlinedImage(tuple(_of_geojson(qupath_geojson.features_of(file))), None)
    return None


def _of_cvat(file: TextFile) -> OutlinedImage:
    if not cvat.is_cvat(file) or parse(file).find("track") is not None:
        raise DataError(f"{file}: XML, but no CVAT for images 1.1")
    outlined = []
    for number, image in enumerate(parse(file).findall("image"), 1):
        record = Record(file, f"image {number}", image.attrib)
        outlines = tuple(_of_cvat_image(record, image))
        outlined.append(OutlinedImage(outlines, record.size("height", "width")))
    outlined = [image for image in outlined if image.outlines] or outlined[:1]
    if len(outlined) > 1:
        raise DataError(
            f"{file}: areas in {len(outlined)} images, expected them in one",
            hint="one camera, one file: zones hold for every image that is counted with them",
        )
    return outlined[0]


def _of_cvat_image(image: Record, element: Element) -> Iterator[Outline]:
    for number, shape in enumerate(element, 1):
        said = Record(image.source, f"{image.place}, {shape.tag} {number}", shape.attrib)
        if shape.tag in _NO_AREAS:
            continue
        if shape.tag not in ("polygon", "box"):
            raise said.error(f"{shape.tag}, expected polygon or box; {_DRAW}")
        yield Outline(
            said.text("label", ""), [[cvat_shapes.corners_of(shape.tag, said)]], said.place
        )


def _of_labelme(shapes: Iterator[Record]) -> Iterator[Outline]:
    for shape in shapes:
        kind, corners = shape.text("shape_type", "polygon"), labelme.corners_of(shape)
        if kind in _NO_AREAS:
            continue
        if kind == "rectangle":
            box = shape.box(corners)
            corners = rectangle(box.left, box.top, box.width, box.height)
        elif kind not in ("polygon", "oriented_rectangle"):
            raise shape.error(f"{kind}, expected polygon or rectangle; {_DRAW}")
        yield Outline(shape.text("label", ""), [[corners]], shape.place)


def _of_geojson(features: Sequence[Record]) -> Iterator[Outline]:
    for feature in features:
        geometry = feature.record("geometry")
        kind = geometry.text("type", "")
        if kind in _NO_AREAS:
            continue
        if kind not in ("Polygon", "MultiPolygon"):
            raise geometry.error(f"{kind or 'no type'}, expected Polygon or MultiPolygon")
        coordinates = geometry.values.get("coordinates")
        polygons = [coordinates] if kind == "Polygon" else _list(geometry, coordinates)
        parts = [
            [_ring(geometry, ring) for ring in _list(geometry, polygon)] for polygon in polygons
        ]
        name = feature.record("properties", {}).text("name", "")
        yield Outline(name or qupath_geojson.label_of(feature), parts, feature.place)


def _ring(geometry: Record, positions: Any) -> Ring:
    ring = []
    for position in _list(geometry, positions):
        pair = position[:2] if isinstance(position, list) else position
        x, y = Record(geometry.source, geometry.place, {"position": pair}).numbers("position", 2)
        ring.append((x, y))
    return ring


def _list(geometry: Record, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise geometry.error(f"coordinates {shown(value)}, expected lists of numbers")
    return value
