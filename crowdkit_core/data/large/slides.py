"""Read whole slide images with tiffslide.

It knows the TIFF dialects of scanners (.svs, .ndpi, .scn, .bif) and decodes JPEG 2000 in them,
neither of which pyvips' wheels do; it is pure Python, while OpenSlide is a library of the system.
"""

from importlib import import_module
from math import ceil
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from crowdkit_core.data.large.levels import Levels
from crowdkit_core.data.large.resizing import Resized
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import LargeImage, Size


def open_slide(path: Path) -> LargeImage:
    """Open a slide with all its levels.

    Raises:
        DataError: tiffslide is missing or does not know this kind of slide, or it is not RGB.
    """
    try:
        tiffslide = import_module("tiffslide")
    except ImportError as error:
        raise DataError(
            f"{path}: slides need the package tiffslide", hint="pip install 'crowdkit-core[slides]'"
        ) from error
    try:
        slide = tiffslide.TiffSlide(path)
        finalize(slide, slide.ts_tifffile.close)
        sizes = [(height, width) for width, height in slide.level_dimensions]
    except Exception as error:  # of many kinds
        raise DataError(
            f"{path}: not a slide that tiffslide can read ({path.suffix})",
            hint="save it as a pyramid TIFF, for example as OME-TIFF in QuPath",
        ) from error
    return Levels([_Level(path, slide, level, size) for level, size in enumerate(sizes)])


class _Level(LargeImage):
    """One level of a slide."""

    def __init__(self, path: Path, slide: Any, level: int, size: Size) -> None:
        self._path, self._slide, self._level, self._size = path, slide, level, size

    @property
    def size(self) -> Size:
        return self._size

    def read(self, rows: range, columns: range) -> UInt8[Tensor, "3 h w"]:
        corner = self._in_slide(columns.start), self._in_slide(rows.start)
        size = len(columns), len(rows)
        try:
            values = self._slide.read_region(corner, self._level, size, as_array=True)
        except Exception as error:  # decoders raise anything on a damaged file
            raise DataError(f"{self._path}: cannot be read as an image: {error}") from error
        if values.dtype != np.uint8 or values.shape[2] not in {1, 3, 4}:
            raise DataError(
                f"{self._path}: {values.shape[2]} channels of {values.dtype}, expected 8-bit RGB"
            )
        pixels = torch.from_numpy(np.ascontiguousarray(values[..., :3])).permute(2, 0, 1)
        return pixels.expand(3, -1, -1)

    def resized(self, size: Size) -> LargeImage:
        return self if size == self.size else Resized(self, size)

    def _in_slide(self, place: int) -> int:
        """A place in pixels of the slide that `read_region` takes for this one of the level."""
        ratio: float = self._slide.level_downsamples[self._level]
        found = ceil(place * ratio)
        return found if int(found / ratio) == place else found + 1
