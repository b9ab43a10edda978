"""The formats by name: how each is read and written, and what it can carry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crowdkit_core.data.annotations import (
    coco,
    cvat,
    label_studio,
    labelme,
    lists,
    nwpu_text,
    tables,
    via,
    yolo,
)
from crowdkit_core.data.annotations.marks import BoxPoint, MarkedImage
from crowdkit_core.data.image_names import without_ending
from crowdkit_core.data.points_files import Columns

FormatName = Literal[
    "csv",
    "json",
    "txt",
    "coco",
    "cvat",
    "labelme",
    "label-studio",
    "via-csv",
    "via-json",
    "nwpu-text",
    "yolo",
]

Fact = Literal["labels", "scores", "boxes", "image sizes", "splits"]
"""What may be known beyond the points. ``boxes`` whose centre is not the point need more than a
format of shapes can say; `Format.carries_any_box` tells which can."""


Writer = Callable[[Path, Sequence[MarkedImage]], None]
"""Writes images into one file: all of them, or the only one it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to write annotations down.

    Attributes:
        title: For people.
        read: The images of a file or folder; errors name the file and the record.
        read_named: The same of a table whose columns have names of their own; None where there are
            no columns.
        write: The other way round; None where it is only read.
        suffix: Of the file.
        per_image: There is a folder with a file for each image.
        key: By what it tells images apart, from their name.
        carries: What it keeps beyond the points.
        carries_any_box: It keeps the point and the box of a mark apart.
        needs_sizes: An image with marks cannot be written without its size.
        precision: Greatest error of a written coordinate in pixels.
    """

    title: str
    read: Callable[[Path, BoxPoint], list[MarkedImage]]
    write: Writer | None
    suffix: str
    per_image: bool = False
    key: Callable[[str], str] = str
    carries: frozenset[Fact] = frozenset()
    carries_any_box: bool = False
    needs_sizes: bool = False
    precision: float = 1e-6
    read_named: Callable[[Path, Columns], list[MarkedImage]] | None = None


_TABLE: frozenset[Fact] = frozenset({"labels", "scores", "boxes", "splits"})

FORMATS: Mapping[FormatName, Format] = {
    "csv": Format(
        title="crowdkit CSV, a row per point",
        read=tables.read,
        read_named=tables.read_named,
        write=tables.write_csv_file,
        suffix=".csv",
        carries=_TABLE,
        carries_any_box=True,
    ),
    "json": Format(
        title="crowdkit JSON, a record per point",
        read=tables.read,
        read_named=tables.read_named,
        write=tables.write_json_file,
        suffix=".json",
        carries=_TABLE,
        carries_any_box=True,
    ),
    "txt": Format(
        title="a text file per image, lines of x y",
        read=lists.read,
        write=lists.write,
        suffix=".txt",
        per_image=True,
        key=without_ending,
    ),
    "coco": Format(
        title="COCO keypoints and boxes",
        read=coco.read,
        write=coco.write,
        suffix=".json",
        carries=frozenset({"labels", "scores", "boxes", "image sizes"}),
        carries_any_box=True,
    ),
    "cvat": Format(
        title="CVAT for images 1.1 (XML)",
        read=cvat.read,
        write=cvat.write,
        suffix=".xml",
        carries=frozenset({"labels", "boxes", "image sizes", "splits"}),
    ),
    "labelme": Format(
        title="LabelMe, a JSON file per image",
        read=labelme.read,
        write=labelme.write,
        suffix=".json",
        per_image=True,
        key=without_ending,
        carries=frozenset({"labels", "boxes", "image sizes"}),
    ),
    "label-studio": Format(
        title="Label Studio JSON",
        read=label_studio.read,
        write=label_studio.write,
        suffix=".json",
        carries=frozenset({"labels", "scores", "boxes", "image sizes"}),
        needs_sizes=True,
    ),
    "via-csv": Format(
        title="VGG Image Annotator CSV",
        read=via.read_csv_file,
        write=via.write_csv_file,
        suffix=".csv",
        carries=frozenset({"labels", "scores", "boxes"}),
    ),
    "via-json": Format(
        title="VGG Image Annotator JSON",
        read=via.read_json_file,
        write=via.write_json_file,
        suffix=".json",
        carries=frozenset({"labels", "scores", "boxes"}),
    ),
    "nwpu-text": Format(
        title="NWPU localization benchmark, lines of id n x y ...",
        read=nwpu_text.read,
        write=nwpu_text.write,
        suffix=".txt",
        key=nwpu_text.image_id,
        precision=0.5,
    ),
    "yolo": Format(
        title="YOLO, a text file of boxes per image",
        read=yolo.read,
        write=None,
        suffix=".txt",
        per_image=True,
        key=without_ending,
        carries=frozenset({"labels", "scores", "boxes"}),
    ),
}
"""In the order in which they are listed."""
