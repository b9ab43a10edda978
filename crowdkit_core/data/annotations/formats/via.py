"""VGG Image Annotator (VIA): regions of all images in one CSV or JSON file.

Coordinates are pixels from the image's top left corner, as everywhere in crowdkit; the tool itself
rounds them to whole pixels. The files are those of VIA 1 and 2; of VIA 3 the saved project is read.
"""

import csv
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crowdkit_core.data.annotations.formats import via3
from crowdkit_core.data.annotations.formats.format import Fact, Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.records import Record, facts, object_of
from crowdkit_core.data.annotations.formats.shapes import ellipse, is_turned
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError, shown
from crowdkit_core.parsing import parse_json

LABEL = "label"
SCORE = "score"
METADATA = "_via_img_metadata"
HEADER = (
    "filename",
    "file_size",
    "file_attributes",
    "region_count",
    "region_id",
    "region_shape_attributes",
    "region_attributes",
)
_HEADER_OF_3 = "CSV_HEADER = metadata_id,file_list"
_UNKNOWN_BYTES = -1


def read_json_file(file: TextFile, reading: Reading) -> list[Listed]:
    """Annotations exported as JSON, or a saved project, of VIA 3, too.

    The label is the attribute `label`. An image without regions is one without people.

    Raises:
        DataError: The file is something else.
    """
    document = object_of(file)
    if document.values.keys() >= via3.PARTS:
        return listed(via3.read_project(document, reading.point))
    images = document.record(METADATA) if METADATA in document.values else document
    found = []
    for key in images.values:
        image = images.record(key)
        regions = image.values.get("regions") or []
        if isinstance(regions, dict):  # VIA 1
            image = Record(file, image.place, {**image.values, "regions": [*regions.values()]})
        of_image = image.values.get("file_attributes")
        each = [*image.records("regions")]
        found.append(_image(image.text("filename"), of_image, each, reading.point))
    return listed(found)


def read_csv_file(file: TextFile, reading: Reading) -> list[Listed]:
    """Annotations exported as CSV.

    Raises:
        DataError: The file is something else.
    """
    header = _header(file)
    missing = [name for name in HEADER if name not in header]
    if missing:
        hint = "of VIA 3, save the project and give its JSON" if _is_via3(file) else ""
        raise DataError(f"{file}: no column {missing[0]!r}, expected a file of VIA", hint=hint)
    images: dict[tuple[str, str], list[Record]] = {}
    of_images: dict[tuple[str, str], Any] = {}
    for place, row in file.rows[1:]:
        if len(row) != len(header):
            raise DataError(f"{file}: {place} has {len(row)} cells, the header {len(header)}")
        cells = Record(file, place, dict(zip(header, row, strict=True)))
        key = cells.text("filename"), cells.text("file_size")
        regions = images.setdefault(key, [])
        of_images[key] = _json_cell(cells, "file_attributes")
        shape = _json_cell(cells, "region_shape_attributes")
        if shape:
            attributes = _json_cell(cells, "region_attributes")
            regions.append(
                Record(file, place, {"shape_attributes": shape, "region_attributes": attributes})
            )
    return listed(
        _image(key[0], of_images[key], each, reading.point) for key, each in images.items()
    )


def write_json_file(path: Path, images: Sequence[MarkedImage]) -> None:
    """The JSON that the tool imports as annotations."""
    document = {
        f"{image.name}{_bytes(image)}": {
            "filename": image.name,
            "size": _bytes(image),
            "regions": [
                {"shape_attributes": _shape(mark), "region_attributes": _attributes(mark)}
                for mark in image.marks
            ],
            "file_attributes": {},
        }
        for image in images
    }
    path.write_text(json.dumps(document), encoding="utf-8")


def write_csv_file(path: Path, images: Sequence[MarkedImage]) -> None:
    """The CSV that the tool imports as annotations."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for image in images:
            first = [image.name, _bytes(image), "{}", len(image.marks)]
            if not image.marks:
                rows.writerow([*first, 0, "{}", "{}"])
            for number, mark in enumerate(image.marks):
                region = [json.dumps(_shape(mark)), json.dumps(_attributes(mark))]
                rows.writerow([*first, number, *region])


def _header(file: TextFile) -> list[str]:
    cells = file.rows[0][1] if file.rows else []
    return [cell.strip().lstrip("#") for cell in cells]


def _fits_csv(file: TextFile) -> bool:
    return HEADER[-1] in _header(file) or _is_via3(file)


def _is_via3(file: TextFile) -> bool:
    return _HEADER_OF_3 in file.text


def _fits_json(file: TextFile) -> bool:
    content = file.json
    if not isinstance(content, dict):
        return False
    return (
        METADATA in content
        or content.keys() >= via3.PARTS
        or (bool(content) and all(map(_is_image, content.values())))
    )


def _is_image(value: Any) -> bool:
    return isinstance(value, dict) and {"filename", "regions"} <= value.keys()


def _image(
    name: str, attributes_of_image: Any, regions: Sequence[Record], point: BoxPoint
) -> MarkedImage:
    left_out = Counter({"attributes of whole images": facts(attributes_of_image)})
    marks = []
    for region in regions:
        attributes = region.record("region_attributes", {})
        shape = region.record("shape_attributes")
        left_out["attributes"] += len(set(attributes.values) - {LABEL, SCORE})
        left_out["outlines"] += shape.text("name") not in ("point", "rect")
        left_out["rotations"] += is_turned(_degrees(shape))
        marks.append(_mark(shape, attributes, point))
    return MarkedImage(name=name.replace("\\", "/"), marks=tuple(marks), left_out=+left_out)


def _mark(shape: Record, attributes: Record, point: BoxPoint) -> Mark:
    label = _chosen(attributes.values.get(LABEL))
    score = attributes.optional(SCORE)
    kind = shape.text("name")
    if kind == "point":
        return Mark(shape.number("cx"), shape.number("cy"), label, score)
    if kind == "rect":
        left, top, wide, high = (shape.number(name) for name in ("x", "y", "width", "height"))
        box = shape.box(shape.rectangle(left, top, wide, high))
    elif kind in ("circle", "ellipse"):
        x, y = shape.number("cx"), shape.number("cy")
        wide, high = (shape.number(n) for n in (("r", "r") if kind == "circle" else ("rx", "ry")))
        box = shape.box(ellipse(x, y, wide, high, _degrees(shape)))
    elif kind in ("polygon", "polyline"):
        xs, ys = shape.numbers("all_points_x"), shape.numbers("all_points_y")
        if not xs or len(xs) != len(ys):
            raise shape.error(f"{len(xs)} x and {len(ys)} y of a {kind}")
        box = shape.box(zip(xs, ys, strict=True))
    else:
        raise shape.error(f"shape {kind!r}, expected point, rect, circle, ellipse or polygon")
    return Mark.of_box(box, point, label=label, score=score)


def _chosen(value: Any) -> str:
    """The label; of ticked boxes, as ``{"head": true}``, those that are."""
    if isinstance(value, dict):
        return ", ".join(name for name, ticked in value.items() if ticked)
    return "" if value is None else str(value)


def _degrees(shape: Record) -> float:
    """By which an ellipse is turned; the tool counts in radians."""
    return math.degrees(shape.number("theta", 0.0))


def _json_cell(cells: Record, name: str) -> dict[str, Any]:
    try:
        value = parse_json(cells.text(name) or "{}")
    except ValueError as error:
        raise cells.error(f"{name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise cells.error(f"{name} is {shown(value)}, expected an object")
    return value


def _bytes(image: MarkedImage) -> int:
    """The size of the file, by which the tool tells images of one name apart."""
    return image.file.stat().st_size if image.file is not None else _UNKNOWN_BYTES


def _shape(mark: Mark) -> dict[str, Any]:
    box = mark.centred_box
    if box is None:
        return {"name": "point", "cx": mark.x, "cy": mark.y}
    return {"name": "rect", "x": box.left, "y": box.top, "width": box.width, "height": box.height}


def _attributes(mark: Mark) -> dict[str, str]:
    label = {LABEL: mark.label} if mark.label else {}
    return label if mark.score is None else {**label, SCORE: repr(mark.score)}


_CARRIED: frozenset[Fact] = frozenset({"labels", "scores", "boxes"})

CSV = Format(
    title="VGG Image Annotator CSV",
    origin="In VIA *Annotation*, *Export Annotations (as csv)*.",
    suffixes=(".csv",),
    fits=_fits_csv,
    read=read_csv_file,
    write=write_csv_file,
    carries=_CARRIED,
)

JSON = Format(
    title="VGG Image Annotator JSON",
    origin="In VIA *Annotation*, *Export Annotations (as json)*, or save the project.",
    suffixes=(".json",),
    fits=_fits_json,
    read=read_json_file,
    write=write_json_file,
    carries=_CARRIED,
)
