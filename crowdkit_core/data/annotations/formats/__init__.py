"""The annotation formats, one module each.

A new format is a module with a `Format`, and an entry in the table here. Of the formats with one
suffix, the first whose ``fits`` agrees reads a file, so those that take any content come last.
"""

from collections.abc import Mapping
from typing import Literal

from crowdkit_core.data.annotations.formats import (
    coco,
    cvat,
    label_studio,
    labelme,
    make_sense,
    nwpu_text,
    tables,
    text_lists,
    via,
    visdrone,
    voc,
    yolo,
)
from crowdkit_core.data.annotations.formats.format import (
    Columns,
    Fact,
    Format,
    Listed,
    Reading,
)

FormatName = Literal[
    "coco",
    "cvat",
    "labelme",
    "label-studio",
    "via-csv",
    "via-json",
    "make-sense",
    "voc",
    "yolo",
    "visdrone",
    "nwpu-text",
    "csv",
    "json",
    "txt",
]

FORMATS: Mapping[FormatName, Format] = {
    "coco": coco.FORMAT,
    "voc": voc.FORMAT,
    "cvat": cvat.FORMAT,
    "labelme": labelme.FORMAT,
    "label-studio": label_studio.FORMAT,
    "via-csv": via.CSV,
    "via-json": via.JSON,
    "make-sense": make_sense.FORMAT,
    "yolo": yolo.FORMAT,
    "visdrone": visdrone.FORMAT,
    "nwpu-text": nwpu_text.FORMAT,
    "csv": tables.CSV,
    "json": tables.JSON,
    "txt": text_lists.FORMAT,
}
"""In the order in which they are tried and listed."""

__all__ = ["FORMATS", "Columns", "Fact", "Format", "FormatName", "Listed", "Reading"]
