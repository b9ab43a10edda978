"""Resize pixels bilinearly with antialiasing: the bits that torch's kernel for uint8 gives.

Only an image of a single pixel, for which torch takes another kernel, may differ by one level.

Each output pixel is a mean of the input pixels under a triangle as wide as the scale, columns
first, then rows. Weights are 16-bit whole numbers with as many bits behind the point as fit. This
is Pillow's algorithm (Resample.c), in torch with fewer bits.
"""

import math

import numpy as np
from numpy.typing import NDArray

from crowdkit_onnx.sizing import Size

_MOST_BITS = 22
_LARGEST = 2**15


def resize(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize an image.

    Args:
        pixels: (H, W, 3).
        size: New (H, W), both at least 1.

    Example:
        >>> resize(np.full((6, 8, 3), 7, np.uint8), (3, 2))[..., 0].tolist()
        [[7, 7], [7, 7], [7, 7]]
    """
    columns = _along(pixels.swapaxes(0, 1), size[1])
    return _along(columns.swapaxes(0, 1), size[0])


def _along(pixels: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Resize along the first axis."""
    before = pixels.shape[0]
    if before == length:
        return pixels
    first, weights, bits = _weights(before, length)
    total = np.full((length, *pixels.shape[1:]), 1 << (bits - 1), np.int32)
    for tap in range(weights.shape[1]):
        under = pixels[np.minimum(first + tap, before - 1)].astype(np.int32)
        total += under * weights[:, tap, None, None]
    resized: NDArray[np.uint8] = np.clip(total >> bits, 0, 255).astype(np.uint8)
    return resized


def _weights(before: int, after: int) -> tuple[NDArray[np.int64], NDArray[np.int32], int]:
    """First input pixel of each output pixel, weights from there on, and their bits."""
    scale = before / after
    reach = max(scale, 1.0)
    centre = scale * (np.arange(after) + 0.5)
    first = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    stop = np.minimum((centre + reach + 0.5).astype(np.int64), before)
    tap = np.arange(2 * math.ceil(reach) + 1)
    away = np.abs(tap + (first - centre)[:, None] + 0.5) / reach
    share = np.where(tap < (stop - first)[:, None], np.maximum(1 - away, 0), 0.0)
    share /= share.sum(1, keepdims=True)
    greatest = float(share.max())
    bits = next(
        bits
        for bits in range(_MOST_BITS + 1)
        if bits == _MOST_BITS or int(0.5 + greatest * (1 << (bits + 1))) >= _LARGEST
    )
    return first, (share * (1 << bits) + 0.5).astype(np.int32), bits
