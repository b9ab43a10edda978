"""Share out a density map's people among the cells of an image of another size."""

import numpy as np
from numpy.typing import NDArray

from crowdkit_onnx.sizing import Size


def resample(
    density: NDArray[np.float32], shown: Size, size: Size, stride: int
) -> NDArray[np.float32]:
    """A map in the pixels of another size of its image, with the same stride; the sum stays.

    Each cell hands its people to the new cells in proportion to the area it shares with them.

    Args:
        density: (h, w) persons per cell of the shown image.
        shown: (H, W) of the shown image.
        size: (H, W) of the image that the map is for.
        stride: Pixels per cell side of both.

    Example:
        >>> resample(np.float32([[3.0, 6.0]]), (2, 4), (2, 2), 2).tolist()
        [[9.0]]
    """
    if shown == size:
        return density
    rows, columns = (
        _shares(_borders(old, stride) * new, _borders(new, stride) * old).astype(np.float32)
        for old, new in zip(shown, size, strict=True)
    )
    return (rows @ density @ columns.T).astype(np.float32)


def _borders(length: int, stride: int) -> NDArray[np.int64]:
    """Where cells begin, and where the last one ends, in pixels."""
    return np.minimum(np.arange(0, length + stride, stride), length)


def _shares(old: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.float64]:
    """(new, old) share of each old cell that each new one covers; every column sums to 1."""
    first = np.maximum(new[:-1, None], old[:-1])
    last = np.minimum(new[1:, None], old[1:])
    shares: NDArray[np.float64] = np.maximum(last - first, 0) / np.diff(old)
    return shares
