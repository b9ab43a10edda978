"""Annotation files of other tools: read, written, recognised and converted.

Every format is read into `MarkedImage` values and written from them, with points in the pixels of
the original image, corner convention.
"""

from crowdkit_core.data.annotations.conversion import Conversion, convert, with_files
from crowdkit_core.data.annotations.files import (
    format_named,
    read_annotations,
    require_free,
    write_annotations,
)
from crowdkit_core.data.annotations.formats import FORMATS, Format, FormatName
from crowdkit_core.data.annotations.marks import Box, BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.recognition import recognise

__all__ = [
    "FORMATS",
    "Box",
    "BoxPoint",
    "Conversion",
    "Format",
    "FormatName",
    "Mark",
    "MarkedImage",
    "convert",
    "format_named",
    "read_annotations",
    "recognise",
    "require_free",
    "with_files",
    "write_annotations",
]
