"""Read image files: any mode becomes RGB, the orientation is applied, nothing is trusted."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import ExifTags, Image
from torch import Tensor

from crowdkit_core.data.files.opening import opened
from crowdkit_core.interfaces import Size

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


def read_image(path: str | Path) -> UInt8[Tensor, "3 H W"]:
    """Read an image file as RGB.

    The EXIF orientation is applied. Grey and palette images become RGB and transparency is
    ignored. Grey images of more than 8 bits (microscopes) have no agreed range: they are
    stretched so that their own least value becomes 0 and their greatest 255.

    Args:
        path: A file in any format Pillow reads, HEIC where pillow-heif is installed.

    Returns:
        (3, H, W) uint8 RGB, a view of rows of pixels as files have them.

    Raises:
        DataError: Missing, empty, cut short, no image, several images (an animation, a stack of
            slices).
        TooLargeError: Of more pixels than Pillow's limit (``2 * PIL.Image.MAX_IMAGE_PIXELS``),
            which is checked before anything is decoded; `open_large` reads parts of it.
    """
    with opened(path) as image:
        return to_rgb(image)


def to_rgb(image: Image.Image) -> UInt8[Tensor, "3 H W"]:
    """A Pillow image as pixels, converted as `read_image` describes.

    Raises:
        ValueError: A value of an image of more than 8 bits is not finite.
    """
    upright = turned_upright(image)
    if upright.mode in DEEP_MODES:
        upright = Image.fromarray(_stretched(np.asarray(upright)))
    elif upright.mode == "P":
        upright = upright.convert("RGBA")  # Pillow warns when it drops a palette's alpha
    pixels = np.array(upright if upright.mode == "RGB" else upright.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)


def as_float(image: Tensor) -> Float[Tensor, "*batch 3 H W"]:
    """A uint8 or float image as float in [0, 1].

    Example:
        >>> as_float(torch.full((3, 1, 1), 51, dtype=torch.uint8)).flatten().tolist()
        [0.20000000298023224, 0.20000000298023224, 0.20000000298023224]
    """
    return image.float() if image.is_floating_point() else image.float() / 255


def image_size(path: str | Path) -> Size:
    """(H, W) of an image as `read_image` would return it, from its header alone.

    Raises:
        DataError: Missing, empty, no image, several images, or over the pixel limit.
    """
    with opened(path) as image:
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


def _stretched(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    wide = values.astype(np.float64)
    least, greatest = wide.min(), wide.max()
    if not np.isfinite([least, greatest]).all():
        raise ValueError("pixel values are not finite")
    factor = 255 / (greatest - least) if greatest > least else 0.0
    stretched: NDArray[np.uint8] = np.rint((wide - least) * factor).astype(np.uint8)
    return stretched
