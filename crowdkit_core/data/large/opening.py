"""Open images of any size."""

from pathlib import Path

from crowdkit_core.data.files.opening import require_file
from crowdkit_core.data.large.slides import open_slide
from crowdkit_core.data.large.vips import open_with_vips
from crowdkit_core.interfaces import LargeImage, ValueRange

SLIDE_SUFFIXES = frozenset({".svs", ".ndpi", ".scn", ".bif", ".mrxs", ".vms", ".vsi"})
"""Endings, in lower case, of whole slide images."""


def is_slide(path: str | Path) -> bool:
    """Whether a file is named like a whole slide image."""
    return Path(path).suffix.lower() in SLIDE_SUFFIXES


def open_large(path: str | Path, value_range: ValueRange | None = None) -> LargeImage:
    """Open an image to be read in parts, its orientation applied.

    Args:
        path: A slide, or a TIFF (BigTIFF, pyramid), JPEG or PNG.
        value_range: What becomes black and white of grey values of more than 8 bits; None for
            their own range.

    Raises:
        DataError: The package that reads it is missing, or it is no single grey or RGB image.
    """
    path = Path(path)
    require_file(path)
    return open_slide(path) if is_slide(path) else open_with_vips(path, value_range)
