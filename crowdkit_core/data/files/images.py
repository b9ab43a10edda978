"""Read plain pictures: any mode becomes RGB, the orientation is applied, nothing is trusted."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import ExifTags, Image
from torch import Tensor

from crowdkit_core.data.files.jpeg import decode_jpeg
from crowdkit_core.data.files.opening import opened
from crowdkit_core.data.files.value_ranges import range_of, thinned
from crowdkit_core.interfaces import Size, ValueRange

DEEP_MODES = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N", "F"})
"""Pillow's for grey images of more than 8 bits."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MIRRORED = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}
"""The axes, rows 0 and columns 1, to mirror by orientation; from 5 on they first change places."""


def read_plain(path: str | Path, value_range: ValueRange | None = None) -> UInt8[Tensor, "3 H W"]:
    """Read a file of one plain picture as RGB, as `read_image` describes.

    Args:
        path: A file in any format Pillow reads, HEIC where pillow-heif is installed.
        value_range: What becomes black and white of values of more than 8 bits.

    Raises:
        DataError: Missing, empty, cut short, no image, several images (an animation, a stack of
            slices).
        TooLargeError: Of more pixels than Pillow's limit (``2 * PIL.Image.MAX_IMAGE_PIXELS``),
            which is checked before anything is decoded; `open_large` reads parts of it.
    """
    with opened(path) as image:
        pixels = decode_jpeg(image)
        if pixels is None:
            return to_rgb(image, value_range)
        return _turned(pixels, _orientation(image))


def to_rgb(image: Image.Image, value_range: ValueRange | None = None) -> UInt8[Tensor, "3 H W"]:
    """A Pillow image as pixels, converted as `read_image` describes.

    Raises:
        ValueError: A value of an image of more than 8 bits is not finite.
    """
    upright = turned_upright(image)
    if upright.mode in DEEP_MODES:
        upright = Image.fromarray(shown(np.asarray(upright), value_range))
    return torch.from_numpy(colours_of(upright)).permute(2, 0, 1)


def colours_of(image: Image.Image) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a Pillow image of 8 bits."""
    if image.mode == "P":
        image = image.convert("RGBA")  # Pillow warns when it drops a palette's alpha
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def shown(values: NDArray[np.generic], value_range: ValueRange | None) -> NDArray[np.uint8]:
    """Values of a file as 8 bits, by their own range if none is given."""
    return (value_range or range_of([thinned(values)])).shown(values)


def as_float(image: Tensor) -> Float[Tensor, "*batch 3 H W"]:
    """A uint8 or float image as float in [0, 1].

    Example:
        >>> as_float(torch.full((3, 1, 1), 51, dtype=torch.uint8)).flatten().tolist()
        [0.20000000298023224, 0.20000000298023224, 0.20000000298023224]
    """
    return image.float() if image.is_floating_point() else image.float() / 255


def plain_size(path: str | Path) -> Size:
    """(H, W) of a picture as `read_plain` would return it, from its header alone.

    Raises:
        DataError: As `opened`.
    """
    with opened(path) as image:
        return upright_size(image)


def upright_size(image: Image.Image) -> Size:
    """(H, W) of a Pillow image as it is to be looked at."""
    width, height = image.size
    return (width, height) if _orientation(image) >= 5 else (height, width)


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":  # Pillow turns these itself, their size at once
        return 1
    # A PNG may carry EXIF behind its pixels, and getexif() would decode them to find out.
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in _UPRIGHT else 1


def turned_upright(image: Image.Image) -> Image.Image:
    """An image as it is to be looked at: its orientation applied."""
    orientation = _orientation(image)
    return image if orientation == 1 else image.transpose(_UPRIGHT[orientation])


def _turned(pixels: Tensor, orientation: int) -> Tensor:
    """(3, H, W) pixels as `turned_upright` turns an image, again a view of rows of pixels."""
    rows = pixels.permute(1, 2, 0)
    rows = rows.transpose(0, 1) if orientation >= 5 else rows
    rows = rows.flip(_MIRRORED[orientation]) if orientation in _MIRRORED else rows
    return rows.contiguous().permute(2, 0, 1)


def _stretched(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    wide = values.astype(np.float64)
    least, greatest = wide.min(), wide.max()
    if not np.isfinite([least, greatest]).all():
        raise ValueError("pixel values are not finite")
    factor = 255 / (greatest - least) if greatest > least else 0.0
    stretched: NDArray[np.uint8] = np.rint((wide - least) * factor).astype(np.uint8)
    return stretched
