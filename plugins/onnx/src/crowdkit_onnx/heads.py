"""How far heads are apart, by a density map; the measure of crowdkit's `inference.scale`."""

import math

import numpy as np
from numpy.typing import NDArray

WINDOW = 40
"""Side in pixels of the square in which persons are counted to say how dense a place is."""

NEIGHBOUR = 1.5
"""``1 / sqrt(density)`` is about this many times the distance from a head to the nearest other."""

LEAST_PEOPLE = 10
"""A map of fewer people does not say how far heads are apart."""

MOST_CELLS = 2**22
"""Of larger maps rows and columns of cells are left out evenly."""


def head_distance(density: NDArray[np.float32], stride: int) -> float | None:
    """Pixels between neighbouring heads, the median over the people; None of too few.

    Args:
        density: (h, w) persons per cell.
        stride: Pixels per cell side.
    """
    density = np.maximum(density, 0)
    if not density.sum() >= LEAST_PEOPLE:
        return None
    every = math.ceil(math.sqrt(density.size / MOST_CELLS))
    local = _means(density, round(WINDOW / stride / 2))[::every, ::every].astype(np.float32)
    root = np.sqrt(np.maximum(local, np.finfo(np.float32).tiny))
    distance = (stride / root / NEIGHBOUR).astype(np.float32)
    return _weighted_median(distance.ravel(), density[::every, ::every].ravel())


def _means(values: NDArray[np.float32], radius: int) -> NDArray[np.float64]:
    """Means over the squares round each cell, of the cells that there are."""
    means = values.astype(np.float64)
    for axis in (0, 1):
        length = means.shape[axis]
        sums = np.insert(np.cumsum(means, axis), 0, 0.0, axis)
        first = np.maximum(np.arange(length) - radius, 0)
        stop = np.minimum(np.arange(length) + radius + 1, length)
        total = np.take(sums, stop, axis) - np.take(sums, first, axis)
        means = total / np.expand_dims(stop - first, 1 - axis)
    return means


def _weighted_median(values: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order], dtype=np.float64)
    return float(values[order[np.searchsorted(sums, sums[-1] / 2)]])
