"""Read image files whose pixels say yes or no: regions, and dots."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from PIL import Image

from crowdkit_core.data.files.images import DEEP_MODES, turned_upright
from crowdkit_core.data.files.opening import is_lossy, opened
from crowdkit_core.errors import DataError

UNCLEAR = 0.1
"""Share of pixels between black and white from which on a smeared picture is no mask."""


def read_mask(path: str | Path) -> Bool[torch.Tensor, "H W"]:
    """Read an image file as a mask: True where it is not black.

    Any colour but black is inside, so that masks of labels 0, 1, 2 need no scaling. Transparent
    pixels are outside, as on black paper. Formats that smear, such as JPEG, and half transparent
    pixels are taken from half of their range on.

    Raises:
        DataError: As `read_image`; a smeared or half transparent picture that is neither black nor
            white in too many pixels; one with transparency that leaves nothing inside.
    """
    with opened(path) as image:
        return torch.from_numpy(_inside(image, path))


def read_dots(path: str | Path) -> Bool[torch.Tensor, "H W"]:
    """Read a dot image: True where it is not black, transparent pixels left out.

    Raises:
        DataError: As `read_mask`; also of a format that smears, as single pixels do not survive it.
    """
    with opened(path) as image:
        if is_lossy(image, path):
            raise DataError(
                f"{path}: {image.format} smears single pixels, so dots cannot be counted in it",
                hint="save dot images as PNG, from the original and not from this file",
            )
        return torch.from_numpy(_inside(image, path))


def _inside(image: Image.Image, path: str | Path) -> NDArray[np.bool_]:
    upright = turned_upright(image)
    if upright.mode in DEEP_MODES:
        values: NDArray[np.generic] = np.asarray(upright)
        return values.astype(np.bool_)
    colours, opaque = _colours(upright), _opacity(upright)
    smeared = is_lossy(image, path)
    complaint = f"{path}: {image.format} smears masks, and in this one"
    light = _halved(colours, complaint) if smeared else np.greater(colours, 0)
    if opaque.min() == 255:
        return light
    inside = light & _halved(opaque, f"{path}: of this mask's transparency")
    if not inside.any():
        raise DataError(
            f"{path}: every pixel that is not transparent is black, so nothing is inside",
            hint="save the mask without transparency: white inside, black outside",
        )
    return inside


def _colours(image: Image.Image) -> NDArray[np.uint8]:
    """The brightest channel of each pixel."""
    plain = image.convert("RGBA") if image.mode == "P" else image  # else Pillow warns of its alpha
    colours: NDArray[np.uint8] = np.asarray(plain.convert("RGB")).max(axis=2)
    return colours


def _opacity(image: Image.Image) -> NDArray[np.uint8]:
    if not image.has_transparency_data:
        return np.full((image.height, image.width), 255, dtype=np.uint8)
    return np.asarray(image.convert("RGBA"))[..., 3]


def _halved(values: NDArray[np.uint8], complaint: str) -> NDArray[np.bool_]:
    between = float(((values > 63) & (values < 192)).mean())
    if between > UNCLEAR:
        raise DataError(
            f"{complaint} {between:.0%} of the pixels are neither black nor white",
            hint="save masks as PNG, black outside and white inside",
        )
    if 0 < values.max() < 128:
        raise DataError(
            f"{complaint} no pixel is white, the brightest is {values.max()} of 255",
            hint="save masks as PNG, black outside and white inside",
        )
    return values > 127
