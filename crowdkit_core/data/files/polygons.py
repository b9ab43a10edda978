"""Rasterise polygons."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size

Polygon = Sequence[Sequence[float]] | NDArray[np.float64]
"""Corners (x, y) in pixels, corner convention, in order; closed by itself."""


FARTHEST = 1e9
"""Pixels from the origin beyond which a corner is a mistake."""


def polygons_mask(polygons: Sequence[Polygon], size: Size) -> Bool[Tensor, "H W"]:
    """Pixels whose centre lies inside any of the polygons (even-odd rule within each).

    Edges are half-open: polygons that share an edge share no pixel, and a partition of the frame
    into polygons is a partition of its pixels.

    Raises:
        DataError: A corner is not finite, or so far out that edges cannot be told apart.

    Example:
        >>> polygons_mask([[(0, 0), (2, 0), (2, 1), (0, 1)]], (2, 3)).int().tolist()
        [[1, 1, 0], [0, 0, 0]]
    """
    mask = np.zeros(size, dtype=bool)
    for polygon in polygons:
        corners = np.asarray(polygon, dtype=np.float64)
        if not (np.abs(corners) <= FARTHEST).all():
            raise DataError("a polygon has a corner that is no place in an image")
        mask |= _fill(corners, size)
    return torch.from_numpy(mask)


def _fill(corners: NDArray[np.float64], size: Size) -> NDArray[np.bool_]:
    """Scan lines through pixel centres: a pixel is inside after an odd number of edges."""
    height, width = size
    ends = np.stack([corners, np.roll(corners, -1, axis=0)])
    downwards = ends[0, :, 1] <= ends[1, :, 1]  # both directions of a shared edge must round alike
    (x1, y1), (x2, y2) = np.where(downwards[:, None], ends, ends[::-1]).transpose(0, 2, 1)
    first, stop = (np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64) for y in (y1, y2))
    edge = np.repeat(np.arange(len(corners)), stop - first)  # for each row's centres that it meets
    before = np.cumsum(stop - first) - (stop - first)
    row = first[edge] + np.arange(len(edge)) - before[edge]
    slope = (x2 - x1)[edge] / (y2 - y1)[edge]
    x = x1[edge] + (row + 0.5 - y1[edge]) * slope
    column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    # A closed line crosses each row an even number of times, so each row begins outside.
    turns = np.sort(row * (width + 1) + column)  # counted through rows of one pixel more
    lengths = np.diff(turns, prepend=0, append=height * (width + 1))
    inside: NDArray[np.bool_] = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return inside.reshape(height, width + 1)[:, :-1]
