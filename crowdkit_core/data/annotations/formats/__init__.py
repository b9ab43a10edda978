"""The annotation formats, one module each.

A new format is a module with a `Format`, and an entry in the table here. Of the formats with one
suffix, the first whose ``fits`` agrees reads a file, so those that take any content come last.
"""

from collections.abc import Mapping
from typing import Literal

from crowdkit_core.data.annotations.formats import (
    cell_counter,
    cellprofiler,
    coco,
    cvat,
    ilastik,
    imagej_rois,
    imagej_tables,
    label_studio,
    labelme,
    make_sense,
    napari,
    nwpu_text,
    qupath_geojson,
    qupath_table,
    tables,
    text_lists,
    trackmate,
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
    Planes,
    Reading,
)

FormatName = Literal[
    "coco",
    "cell-counter",
    "cvat",
    "qupath-geojson",
    "labelme",
    "label-studio",
    "via-csv",
    "via-json",
    "make-sense",
    "napari",
    "imagej-results",
    "imagej-table",
    "imagej-roi",
    "qupath-table",
    "cellprofiler",
    "ilastik",
    "trackmate",
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
    "cell-counter": cell_counter.FORMAT,
    "voc": voc.FORMAT,
    "cvat": cvat.FORMAT,
    "qupath-geojson": qupath_geojson.FORMAT,
    "labelme": labelme.FORMAT,
    "label-studio": label_studio.FORMAT,
    "via-csv": via.CSV,
    "via-json": via.JSON,
    "make-sense": make_sense.FORMAT,
    "napari": napari.FORMAT,
    "imagej-results": imagej_tables.RESULTS,
    "imagej-table": imagej_tables.TABLE,
    "imagej-roi": imagej_rois.FORMAT,
    "qupath-table": qupath_table.FORMAT,
    "cellprofiler": cellprofiler.FORMAT,
    "ilastik": ilastik.FORMAT,
    "trackmate": trackmate.FORMAT,
    "yolo": yolo.FORMAT,
    "visdrone": visdrone.FORMAT,
    "nwpu-text": nwpu_text.FORMAT,
    "csv": tables.CSV,
    "json": tables.JSON,
    "txt": text_lists.FORMAT,
}
"""In the order in which they are tried and listed."""

__all__ = ["FORMATS", "Columns", "Fact", "Format", "FormatName", "Listed", "Planes", "Reading"]
