"""People per square metre at each place of an image."""

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from crowdkit_core.inference.ground import Ground
from crowdkit_core.inference.zones.division import Division

SQUARE = 2.0
"""Metres: crowding is felt over a few square metres, and one person is no density."""


def ground_density(
    density: Float[NDArray[np.floating], "h w"],
    stride: int,
    division: Division,
    ground: Ground,
    *,
    square: float = SQUARE,
) -> Float[NDArray[np.float32], "h w"]:
    """People per square metre round each cell of a density map.

    The ground is laid out in squares. A cell shows the people of its square per square metre of
    what is seen of the square, so that near and far places are averaged over the same area.

    Args:
        density: Persons per cell where people are counted.
        stride: Pixels per cell side.
        division: Where people are counted.
        ground: The plane people stand on.
        square: Side of a square in metres.

    Returns:
        (h, w); NaN where nobody is counted and from the horizon on.
    """
    height, width = division.size
    top, bottom = (each[:, None] for each in _borders(height, stride))
    left, right = _borders(width, stride)
    y, x = np.broadcast_arrays((top + bottom) / 2, (left + right) / 2)
    counted = division.counted_shares(stride)
    areas = ground.strip_areas(y, left, right, height=bottom - top) * counted
    seen = areas > 0
    places = ground.metres(np.stack([x[seen], y[seen]], axis=1)) // square
    _, own = np.unique(places[:, 0] + 1j * places[:, 1], return_inverse=True)
    people, metres = np.bincount(own, density[seen]), np.bincount(own, areas[seen])
    found = np.full(density.shape, np.nan, dtype=np.float32)
    found[seen] = (people / metres)[own]
    return found


def _borders(length: int, stride: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each cell along one side begins and ends, in pixels."""
    first = np.arange(0.0, length, stride)
    return first, np.minimum(first + stride, length)
