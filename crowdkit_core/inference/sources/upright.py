"""Turn frames of a video as they are to be looked at."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

if TYPE_CHECKING:  # an extra
    from av import VideoFrame


def pixels_of(frame: "VideoFrame") -> UInt8[Tensor, "3 H W"]:
    """The frame as RGB, turned and mirrored as its file says (phones hold their sensors askew).

    Returns:
        (3, H, W) uint8 RGB, a view of rows of pixels.
    """
    pixels = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return pixels
    return _turned(pixels, np.frombuffer(matrix, np.int32)[[0, 1, 3, 4]].tolist())


def _turned(pixels: Tensor, matrix: list[int]) -> Tensor:
    """Pixels moved from (x, y) to (ax + cy, bx + dy), by right angles."""
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, a, d = pixels.mT, c, b
    mirrored = [axis for axis, sign in ((2, a), (1, d)) if sign < 0]
    return pixels.flip(mirrored) if mirrored else pixels
