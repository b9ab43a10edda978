"""Find people as the peaks of a density map: crowdkit's localizer `local-maxima` in numpy."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from crowdkit_onnx.sizing import Size

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakOptions:
    """Options of `local-maxima`.

    Attributes:
        smoothing: Standard deviation in pixels of a Gaussian the map is blurred with; 0 for none.
        min_distance: Peaks closer than this many pixels, along x and along y, compete.
        threshold: Least height of a peak, itself excluded.
        threshold_kind: ``relative`` to the map's highest value, or ``absolute``.
        match_count: Keep only as many of the highest peaks as the rounded count says.
        refine: Place each point between cells, at the top of parabolas through its neighbours.
    """

    smoothing: float = 0.0
    min_distance: float = 0.0
    threshold: float = 0.1
    threshold_kind: Literal["relative", "absolute"] = "relative"
    match_count: bool = False
    refine: bool = False


def local_maxima(
    density: Floats, stride: int, size: Size, count: float, options: PeakOptions
) -> tuple[Floats, Floats]:
    """The points of a map, best first.

    Args:
        density: (h, w) persons per cell.
        stride: Pixels per cell side.
        size: (H, W) of the image.
        count: People in it.
        options: See there.

    Returns:
        (N, 2) x and y in pixels of the image, and (N,) the density at each peak.

    Example:
        >>> density = np.float32([[0, 0, 0], [0, 0.9, 0], [0, 0, 0]])
        >>> local_maxima(density, 4, (12, 12), 0.9, PeakOptions())[0].tolist()
        [[6.0, 6.0]]
    """
    values = _blurred(density, options.smoothing / stride)
    scale = max(float(values.max()), 0.0) if options.threshold_kind == "relative" else 1.0
    xy, score = find_peaks(
        values,
        radius=max(1, math.ceil(options.min_distance / stride) - 1),
        threshold=options.threshold * scale,
        refine=options.refine,
    )
    if options.match_count:
        kept = max(0, round(count))
        xy, score = xy[:kept], score[:kept]
    frame = np.array([size[1], size[0]], np.float32)
    return np.minimum(xy * np.float32(stride), frame), score


def find_peaks(
    values: Floats, *, radius: int, threshold: float, refine: bool
) -> tuple[Floats, Floats]:
    """Cells that nothing within ``radius`` exceeds, highest first; plateaus are one, at their mean.

    Args:
        values: (h, w) map.
        radius: Cells to every side that compete, 1 or more.
        threshold: Least height, itself excluded.
        refine: Move each lone peak to the top of the parabolas through its neighbours.

    Returns:
        (N, 2) x and y in cells, and (N,) heights.
    """
    cells = np.argwhere((values == _highest(values, radius)) & (values > np.float32(threshold)))
    group, first = _plateaus(cells, values.shape, radius)
    members = np.bincount(group, minlength=len(first))
    centres = cells.astype(np.float64)
    if refine:
        lone = members[group] == 1
        centres[lone] += _offsets(values, cells[lone])
    total = np.zeros((len(first), 2))
    np.add.at(total, group, centres)
    xy = (total / members[:, None] + 0.5)[:, ::-1].astype(np.float32)
    height = values[tuple(cells[first].T)]
    order = np.argsort(-height, kind="stable")
    return xy[order], height[order]


def _highest(values: Floats, radius: int) -> Floats:
    """The highest value of the square round each cell."""
    for axis in (0, 1):
        widths = [(0, 0), (0, 0)]
        widths[axis] = (radius, radius)
        padded = np.pad(values, widths, constant_values=-np.inf)
        values = sliding_window_view(padded, 2 * radius + 1, axis).max(-1)
    return values


def _plateaus(
    cells: NDArray[np.int64], size: tuple[int, ...], radius: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group of each peak cell, linking cells within ``radius``, and the first cell of each."""
    lowest = np.arange(len(cells))
    one, other = _links(cells, size, radius)
    while (lowest[one] != lowest[other]).any():
        least = np.minimum(lowest[one], lowest[other])
        for linked in (one, other):
            np.minimum.at(lowest, lowest[linked], least)
        lowest = lowest[lowest]
    first, group = np.unique(lowest, return_inverse=True)
    return group, first


def _links(
    cells: NDArray[np.int64], size: tuple[int, ...], radius: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of peak cells within ``radius`` of each other, by their numbers, each pair once."""
    number = np.full((size[0] + radius, size[1] + 2 * radius), -1)
    rows, columns = cells[:, 0], cells[:, 1] + radius
    number[rows, columns] = np.arange(len(cells))
    steps = [(0, right) for right in range(1, radius + 1)]
    steps += [(d, s) for d in range(1, radius + 1) for s in range(-radius, radius + 1)]
    one, other = [], []
    for down, right in steps:
        near = number[rows + down, columns + right]
        one.append(np.flatnonzero(near >= 0))
        other.append(near[near >= 0])
    return np.concatenate(one), np.concatenate(other)


def _offsets(values: Floats, cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N, 2) how far in rows and columns a parabola's top lies from each cell's centre."""
    return np.stack([_offset(values, cells, axis) for axis in (0, 1)], axis=1)


def _offset(values: Floats, cells: NDArray[np.int64], axis: int) -> NDArray[np.float64]:
    step = np.eye(2, dtype=np.int64)[axis]
    inner = (cells[:, axis] > 0) & (cells[:, axis] < values.shape[axis] - 1)
    before, here, after = (
        values[tuple((cells[inner] + shift * step).T)].astype(np.float64) for shift in (-1, 0, 1)
    )
    bend = 2 * (before - 2 * here + after)
    offset = np.zeros(len(cells))
    # Three equal cells, the outer two of which are no peaks, have no parabola.
    offset[inner] = np.divide(before - after, bend, out=np.zeros_like(bend), where=bend != 0)
    return offset


def _blurred(density: Floats, sigma: float) -> Floats:
    if sigma == 0:
        return density
    reach = math.ceil(3 * sigma)
    away = np.arange(-reach, reach + 1, dtype=np.float32)
    weights = np.exp(-(away**2) / np.float32(2 * sigma**2))
    weights /= weights.sum()
    for axis in (0, 1):
        widths = [(0, 0), (0, 0)]
        widths[axis] = (reach, reach)
        padded = np.pad(density, widths, mode="edge")
        density = sliding_window_view(padded, len(weights), axis) @ weights
    return density
