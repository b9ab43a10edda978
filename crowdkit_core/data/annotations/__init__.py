"""Annotation files of other tools: read, written, recognised and converted.

Every format is read into `MarkedImage` values and written from them, with points in the pixels of
the original image, corner convention.
"""

from crowdkit_core.data.annotations.conversion import Conversion, convert, with_files
from crowdkit_core.data.annotations.formats import (
    FORMATS,
    Columns,
    Format,
    FormatName,
    Planes,
    Reading,
)
from crowdkit_core.data.annotations.marks import Box, BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.names import ImageNames, aliases, without_ending
from crowdkit_core.data.annotations.reading import read_annotations, recognise
from crowdkit_core.data.annotations.updating import Update, update_annotations
from crowdkit_core.data.annotations.writing import format_named, require_free, write_annotations

__all__ = [
    "FORMATS",
    "Box",
    "BoxPoint",
    "Columns",
    "Conversion",
    "Format",
    "FormatName",
    "ImageNames",
    "Mark",
    "MarkedImage",
    "Planes",
    "Reading",
    "Update",
    "aliases",
    "convert",
    "format_named",
    "read_annotations",
    "recognise",
    "require_free",
    "update_annotations",
    "with_files",
    "without_ending",
    "write_annotations",
]
