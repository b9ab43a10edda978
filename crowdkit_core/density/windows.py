"""The sum of many narrow separable Gaussians, window by window.

Each Gaussian is added to its map inside a square window of its own, as the product of its column
and row integrals. Windows are rounded up to a few sides, and those of one side are added together,
whichever images they are of: one row of all of them at a time. Wide Gaussians, and few of them, are
quicker tile by tile, see `tiles`. Lengths here are in cells of the map.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from crowdkit_core.density.on_cells import Gaussians

_SIDES = tuple(side for k in range(2, 31) for side in (2**k, 3 * 2 ** (k - 1)))  # 4, 6, 8, 12, ...
_FEWEST = 2048  # Gaussians that are worth sorting by side
_LARGEST_MEAN = 300  # cells of a window, as counted in `is_quicker`
_MOST_PADDING = 4  # cells of maps as wide as the widest, as a multiple of their own
_CELLS_AT_ONCE = 2**16  # of one row of many windows: what stays in cache


class _Canvas(NamedTuple):
    """The maps of all images in one array, with room for the largest window of each.

    Attributes:
        values: (length,) map after map, row by row.
        pitch: From one row to the next; the same in all maps.
        heights: (B,) rows of each map.
        start: (B,) where each map starts.
    """

    values: Tensor
    pitch: int
    heights: Tensor
    start: Tensor


def is_quicker(gaussians: Gaussians) -> bool:
    """Whether adding these Gaussians window by window is quicker than tile by tile.

    They have no gradients, and are for the CPU: a graphics card adds what overlaps in no fixed
    order.
    """
    reaches, (widths, heights) = gaussians.reaches, gaussians.frames.unbind(1)
    if reaches.device.type != "cpu" or gaussians.requires_grad or len(reaches) < _FEWEST:
        return False
    narrow = (2 * reaches + 1).square().mean() <= _LARGEST_MEAN
    alike = widths.max() * heights.sum() <= _MOST_PADDING * (widths * heights).sum()
    return bool(narrow and alike)


def sum_gaussians(gaussians: Gaussians, dtype: torch.dtype) -> list[Tensor]:
    """`tiles.sum_gaussians`, on the CPU and without gradients."""
    centres, sigmas, reaches, image, frames = gaussians
    centres = centres.T.contiguous()  # here x and y come first, so that points lie side by side
    room = frames.T.contiguous().index_select(1, image)
    first = (centres - reaches).clamp_min_(0).long()
    reached = torch.minimum(centres + reaches, room).ceil_().long().sub_(first).amax(0)
    kinds = torch.bucketize(reached, torch.tensor(_SIDES))
    sides = torch.tensor(_SIDES).index_select(0, kinds)
    largest = torch.zeros(len(frames), dtype=torch.long).scatter_reduce_(0, image, sides, "amax")
    canvas = _lay_out(frames, largest, dtype)

    # A window that would stick out of its map is moved inside it.
    size = torch.stack([torch.full_like(canvas.heights, canvas.pitch), canvas.heights])
    first = torch.minimum(first, size.index_select(1, image).sub_(sides))
    corners = canvas.start.index_select(0, image).add_(first[1], alpha=canvas.pitch).add_(first[0])
    kernels = _kernels(first, centres, sigmas, reaches, room)

    kinds, order = torch.sort(kinds, stable=True)
    corners, kernels = corners.index_select(0, order), kernels.index_select(1, order)
    for side, (begin, end) in zip(_SIDES, _runs(kinds), strict=True):
        for some in _slices(begin, end, max(1, _CELLS_AT_ONCE // side)):
            _add(canvas, corners[some], kernels[:, some], side)
    return _cut_out(canvas, frames)


def _lay_out(frames: Tensor, largest: Tensor, dtype: torch.dtype) -> _Canvas:
    columns, heights = torch.maximum(frames.ceil().long(), largest[:, None]).unbind(1)
    pitch = int(columns.max())
    ends = heights.cumsum(0) * pitch
    return _Canvas(torch.zeros(int(ends[-1]), dtype=dtype), pitch, heights, ends - heights * pitch)


def _cut_out(canvas: _Canvas, frames: Tensor) -> list[Tensor]:
    maps = torch.split(canvas.values.view(-1, canvas.pitch), canvas.heights.tolist())
    return [
        each[:height, :width].contiguous()
        for each, (width, height) in zip(maps, frames.ceil().long().tolist(), strict=True)
    ]


def _kernels(
    first: Tensor, centres: Tensor, sigmas: Tensor, reaches: Tensor, room: Tensor
) -> Tensor:
    """Quantities of every Gaussian for `_add`.

    With u = (position - centre) / (sqrt(2) sigma), the Gaussian's integral is erf(u) / 2.

    Returns:
        (9, M): u at the window's first column and row; the least u in x and y, and the greatest,
        that are within reach and frame; what makes the mass 1 in x and in y; u per cell.
    """
    scale = sqrt(0.5) / sigmas
    least = torch.maximum(-centres, -reaches).mul_(scale)
    greatest = torch.minimum(room - centres, reaches).mul_(scale)
    factor = (torch.erf(greatest) - torch.erf(least)).reciprocal_()
    begin = (first - centres).mul_(scale)
    return torch.cat([begin, least, greatest, factor, scale[None]])


def _runs(kinds: Tensor) -> Sequence[tuple[int, int]]:
    """Start and end of each kind among sorted ones."""
    ends = torch.searchsorted(kinds, torch.arange(len(_SIDES)), right=True).tolist()
    return list(pairwise([0, *ends]))


def _slices(begin: int, end: int, length: int) -> list[slice]:
    return [slice(start, min(start + length, end)) for start in range(begin, end, length)]


def _add(canvas: _Canvas, corners: Tensor, kernels: Tensor, side: int) -> None:
    """Add Gaussians in windows of one side.

    Args:
        canvas: What they are added to.
        corners: (K,) where in ``canvas.values`` their windows' first cells are.
        kernels: (9, K), see `_kernels`.
        side: Cells per side of the windows.
    """
    begin, least, greatest, factor, scale = torch.split(kernels, 2)
    steps = torch.arange(side + 1)[:, None]
    u = torch.addcmul(begin[:, None], steps.to(scale.dtype), scale)
    u = torch.clamp(u, least[:, None], greatest[:, None], out=u).erf_()
    columns, rows = u.diff(dim=1).mul_(factor[:, None]).to(canvas.values.dtype)
    cells = (corners + steps[:-1]).flatten()
    products = torch.empty_like(columns)
    for number, row in enumerate(rows):
        torch.mul(columns, row, out=products)
        canvas.values[number * canvas.pitch :].scatter_add_(0, cells, products.view(-1))
