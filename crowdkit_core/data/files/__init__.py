"""Files as values: images, text, MATLAB variables and polygons."""

from crowdkit_core.data.files.cells import COMMENT
from crowdkit_core.data.files.finding import (
    IMAGE_SUFFIXES,
    UNREAD_SUFFIXES,
    VIDEO_SUFFIXES,
    files_below,
    files_in,
    images_below,
    images_by_stem,
    is_visible,
    natural_key,
    require_folder,
)
from crowdkit_core.data.files.images import as_float, to_rgb
from crowdkit_core.data.files.masks import read_dots, read_mask
from crowdkit_core.data.files.numerals import Row, as_number, is_number
from crowdkit_core.data.files.polygons import Polygon, polygons_mask
from crowdkit_core.data.files.stacks import image_size, read_image
from crowdkit_core.data.files.text import TextFile

__all__ = [
    "COMMENT",
    "IMAGE_SUFFIXES",
    "UNREAD_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Polygon",
    "Row",
    "TextFile",
    "as_float",
    "as_number",
    "files_below",
    "files_in",
    "image_size",
    "images_below",
    "images_by_stem",
    "is_number",
    "is_visible",
    "natural_key",
    "polygons_mask",
    "read_dots",
    "read_image",
    "read_mask",
    "require_folder",
    "to_rgb",
]
