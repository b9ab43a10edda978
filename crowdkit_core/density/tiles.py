"""The sum of many separable Gaussians, tile by tile.

The integral of a Gaussian over a cell is the product of a column and a row integral, so a tile of
a map is a matrix product, (rows, points) @ (points, columns), over the points that reach it.
Points are bucketed by tile, tiles reached by like numbers of points are multiplied in one batch,
and images of different sizes share the batches. Lengths here are in cells of the map.
"""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from math import ceil, log2, sqrt
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_SMALLEST_TILE, _LARGEST_TILE = 16, 256
_PAIRS_AT_ONCE = 2**20  # (point, tile) pairs listed together: bounds the memory
_INTEGRALS_AT_ONCE = 2**17  # computed together: what stays in cache
_LARGEST_WHOLE = 320  # cells per side of a lone map that is not worth cutting into tiles
_LEAST_FILLING = 0.6  # points of a batch's emptiest tile, as a share of its fullest tile's


class Gaussians(NamedTuple):
    """Separable Gaussians of several images; lengths in cells of their maps.

    Each is cut off at its reach and at its frame, and has mass 1 inside.

    Attributes:
        centres: (M, 2) x and y, float64, inside the frame.
        sigmas: (M,) standard deviations, float64, positive.
        reaches: (M,) half the side of the square outside which nothing is placed, float64.
        image: (M,) the image a point belongs to, ascending.
        frames: (B, 2) widths and heights, float64; the last cell of a frame may be partial.
    """

    centres: Tensor
    sigmas: Tensor
    reaches: Tensor
    image: Tensor
    frames: Tensor


class _Tiles(NamedTuple):
    """The tiles of a batch of images, numbered image after image and row by row.

    Attributes:
        side: Cells per side.
        across: (B, 2) tiles in x and in y.
        start: (B,) number of an image's first tile.
        edges: (tiles, 2, side + 1) where a tile's columns and rows begin and end, none of them
            beyond the frame.
    """

    side: int
    across: Tensor
    start: Tensor
    edges: Tensor


class _Reached(NamedTuple):
    """The tiles that points reach, most reached first, and the points that reach them.

    Attributes:
        tiles: (T,) numbers of tiles.
        counts: (T,) how many points reach each, descending.
        start: (T,) where a tile's points start in ``points``.
        points: (P + 1,) numbers of points, tile by tile; the last one is a point without mass.
    """

    tiles: Tensor
    counts: Tensor
    start: Tensor
    points: Tensor


def sum_gaussians(gaussians: Gaussians, dtype: torch.dtype) -> list[Tensor]:
    """The maps of Gaussians.

    All is computed in float64 and only the maps are in ``dtype``: differences of neighbouring
    values of erf lose the digits of float32 where sigma is large, and neither autocast nor TF32
    touches a float64 product.

    Returns:
        Per image (ceil(height), ceil(width)).
    """
    centres, sigmas, reaches, image, frames = gaussians
    kernels = _kernels(centres, sigmas, reaches, _pick(frames, image))
    if len(frames) == 1 and (side := ceil(frames.max().item())) <= _LARGEST_WHOLE:
        return [_whole(kernels, frames, side).to(dtype)]
    tiles = _lay_tiles(frames, _tile_side(reaches, frames))
    values = centres.new_zeros(len(tiles.edges), tiles.side, tiles.side, dtype=dtype)
    for reached in _reach(tiles, centres.detach(), reaches.detach(), image, frames):
        for batch, most in _batches(reached.counts.cpu().numpy(), tiles.side):
            slots = torch.arange(most, device=centres.device)
            slots = torch.where(
                slots < reached.counts[batch, None],
                reached.start[batch, None] + slots,
                len(reached.points) - 1,
            )
            numbers = reached.tiles[batch]
            columns, rows = _integrals(
                _pick(kernels, _pick(reached.points, slots)), tiles.edges[numbers]
            )
            values.index_add_(0, numbers, torch.bmm(rows.mT, columns).to(dtype))
    return _join(values, tiles, frames)


def _whole(kernels: Tensor, frames: Tensor, side: int) -> Tensor:
    """A lone map as one tile: sorting the points would take longer than it saves."""
    edges = torch.arange(side + 1, dtype=frames.dtype, device=frames.device)
    columns, rows = _integrals(kernels[None, :-1], torch.minimum(edges, frames[..., None]))
    width, height = frames[0].ceil().long().tolist()
    return torch.bmm(rows.mT, columns)[0, :height, :width]


def _tile_side(reaches: Tensor, frames: Tensor) -> int:
    """A tile about as wide as the mean Gaussian makes the fewest integrals and products."""
    if not len(reaches):
        return _SMALLEST_TILE
    width, longest = 2 * float(reaches.detach().mean()), float(frames.max())
    wanted = min(max(width, _SMALLEST_TILE), _LARGEST_TILE)
    return min(1 << ceil(log2(wanted)), ceil(longest))


def _lay_tiles(frames: Tensor, side: int) -> _Tiles:
    across = (frames / side).ceil().long()
    counts = across.prod(1)
    owner, number = _expand(counts)
    row = number // across[owner, 0]
    column = number - row * across[owner, 0]
    corners = torch.stack([column, row], dim=1) * side
    edges = corners[..., None] + torch.arange(side + 1, device=frames.device)
    edges = torch.minimum(edges, frames[owner, :, None])
    return _Tiles(side, across, counts.cumsum(0) - counts, edges)


def _kernels(centres: Tensor, sigmas: Tensor, reaches: Tensor, frames: Tensor) -> Tensor:
    """Quantities of every point for `_integrals`, and of a last one without mass.

    With u = (position - centre) / (sqrt(2) sigma), the Gaussian's integral is erf(u) / 2.

    Returns:
        (M + 1, 5): centre in x and in y, u per cell, u at the reach, and the factor that makes
        the mass within reach and frame 1.
    """
    scale = sqrt(0.5) / sigmas
    before = torch.minimum(centres, reaches[:, None]) * scale[:, None]
    after = torch.minimum(frames - centres, reaches[:, None]) * scale[:, None]
    mass = (torch.erf(before) + torch.erf(after)).prod(1)
    kernels = torch.stack([*centres.unbind(1), scale, reaches * scale, 1 / mass], dim=1)
    return torch.cat([kernels, kernels.new_zeros(1, 5)])


def _integrals(kernels: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """What each point's Gaussian holds in each column and in each row of its tile.

    Args:
        kernels: (T, K, 5) of the K points of each tile.
        edges: (T, 2, side + 1) of the tile's columns and rows.

    Returns:
        Columns and rows, each (T, K, side); their products are shares of one person.
    """
    scale, reach, factor = kernels[..., 2:, None, None].unbind(2)
    u = (edges[:, None] - kernels[..., :2, None]).mul_(scale).clamp_(-reach, reach)
    columns, rows = u.erf_().diff(dim=-1).unbind(2)
    return columns, rows * factor[..., 0]


def _reach(
    tiles: _Tiles, centres: Tensor, reaches: Tensor, image: Tensor, frames: Tensor
) -> Iterator[_Reached]:
    """Which points reach which tiles, a bounded number of pairs at once."""
    reaches = reaches[:, None]
    first = ((centres - reaches).clamp_min(0) / tiles.side).long()
    stop = (torch.minimum(centres + reaches, _pick(frames, image)) / tiles.side).ceil().long()
    spans = stop - first
    columns, across = spans[:, 0].contiguous(), _pick(tiles.across[:, 0], image)
    first_tile = _pick(tiles.start, image) + first[:, 1] * across + first[:, 0]
    pairs = spans.prod(1)
    parts = torch.bincount((pairs.cumsum(0) - 1) // _PAIRS_AT_ONCE).tolist()
    for begin, end in pairwise(accumulate(parts, initial=0)):
        if begin == end:  # a point of more pairs than are listed at once skips a part
            continue
        owner, number = _expand(pairs[begin:end])
        point = owner + begin
        row = number // _pick(columns, point)
        column = number - row * _pick(columns, point)
        tile = _pick(first_tile, point) + row * _pick(across, point) + column
        tile, order = torch.sort(tile, stable=True)
        numbers, counts = torch.unique_consecutive(tile, return_counts=True)
        start = counts.cumsum(0) - counts
        counts, by_count = torch.sort(counts, descending=True, stable=True)
        massless = point.new_full((1,), len(centres))
        yield _Reached(
            numbers[by_count], counts, start[by_count], torch.cat([_pick(point, order), massless])
        )


def _batches(counts: NDArray[np.int64], side: int) -> Iterator[tuple[slice, int]]:
    """Tiles to multiply together, and the most points among them.

    Each tile of a batch is padded to the fullest one's points, so a batch ends where that would
    waste much, or at its share of the cache.
    """
    begin = 0
    while begin < len(counts):
        most = int(counts[begin])
        alike = int(np.searchsorted(-counts, -_LEAST_FILLING * most, side="right"))
        room = max(1, _INTEGRALS_AT_ONCE // (2 * side * most))
        end = min(alike, begin + room)
        yield slice(begin, end), most
        begin = end


def _join(values: Tensor, tiles: _Tiles, frames: Tensor) -> list[Tensor]:
    """Maps out of the values of their tiles, without the cells beyond their frames."""
    across = tiles.across.tolist()
    images = torch.split(values, [x * y for x, y in across])
    return [
        image.view(y, x, tiles.side, tiles.side)
        .transpose(1, 2)
        .reshape(y * tiles.side, x * tiles.side)[:height, :width]
        for image, (x, y), (width, height) in zip(
            images, across, frames.ceil().long().tolist(), strict=True
        )
    ]


def _expand(counts: Tensor) -> tuple[Tensor, Tensor]:
    """For ``counts[i]`` items of each i: every item's i, and its number among them."""
    total = int(counts.sum())
    owner = torch.repeat_interleave(counts, output_size=total)
    start = counts.cumsum(0) - counts
    return owner, torch.arange(total, device=counts.device) - _pick(start, owner)


def _pick(values: Tensor, numbers: Tensor) -> Tensor:
    """``values[numbers]``, in a third of the time that indexing takes."""
    picked = values.index_select(0, numbers.flatten())
    return picked.view(*numbers.shape, *values.shape[1:])
