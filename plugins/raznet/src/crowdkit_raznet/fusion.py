"""Fuse the counts of a density map and of points, cell by cell of a grid over the image."""

import math

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size
from crowdkit_core.metrics import region_counts, region_index, region_sums

GRID = 4
"""Grid cells along each side."""


def density_cells(
    density: Float[Tensor, "B 1 h w"], *, stride: int, size: Size
) -> Float64[Tensor, "B 16"]:
    """People of density maps in each cell of the 4 x 4 grid, row by row.

    Borders of the grid lie at whole pixels; a cell of the map that one cuts is shared out by
    area, so the 16 add up to the sum of the map.

    Args:
        density: (B, 1, h, w) persons per cell.
        stride: Pixels per cell side of the map.
        size: (H, W) of the images in pixels.
    """
    return region_sums(density, GRID, stride=stride, size=size).flatten(1)


def point_cells(points: Float[Tensor, "N 2"], *, size: Size) -> Float64[Tensor, " 16"]:
    """Number of points in each cell of the grid of `density_cells`.

    Args:
        points: (N, 2) pixels.
        size: (H, W) of the image in pixels.
    """
    return region_counts(points, GRID, size=size).flatten().to(points.device)


def localization_weights(
    density: Float[Tensor, "*batch cells"],
    localization: Float[Tensor, "*batch cells"],
    theta: float | Float[Tensor, ""] | Float[Tensor, " cells"],
) -> Float[Tensor, "*batch cells"]:
    """How much of each cell's count the points decide: nothing in a dense cell, half elsewhere.

    alpha_g of eq. 4 of Liu, Weng and Mu, CVPR 2019: a cell is dense if the mean of both counts
    reaches ``theta``; it counts by its density, any other by the mean of both. With ``theta``
    infinite this is the paper's "average".

    Args:
        density: (..., 16) people of the density map.
        localization: (..., 16) points found.
        theta: Persons per cell; one threshold, or (16,) one for each cell.

    Example:
        >>> localization_weights(torch.tensor([8.0, 2.0]), torch.tensor([4.0, 1.0]), 5.0)
        tensor([0.0000, 0.5000])
    """
    mean = (density + localization) / 2
    return 0.5 * (mean < theta).to(mean.dtype)


def fuse_maps(
    density: Float[Tensor, "h w"],
    points: Float[Tensor, "N 2"],
    theta: float | Float[Tensor, ""] | Float[Tensor, " 16"],
    *,
    stride: int,
    size: Size,
) -> Float[Tensor, "h w"]:
    """The map whose sum is the fused count of an image, eq. 4 of Liu, Weng and Mu, CVPR 2019.

    Args:
        density: (h, w) persons per cell.
        points: (N, 2) points found, pixels.
        theta: As of `localization_weights`.
        stride: Pixels per cell side of the map.
        size: (H, W) of the image in pixels.
    """
    by_density = density_cells(density[None, None], stride=stride, size=size)[0]
    alpha = localization_weights(by_density, point_cells(points, size=size), theta)
    grid = alpha.to(density.dtype).reshape(GRID, GRID)
    rows, columns = (region_index(torch.arange(side) + 0.5, side, GRID) for side in size)
    of_pixels = grid[rows[:, None], columns]
    shares = F.avg_pool2d(of_pixels[None, None], stride, ceil_mode=True)[0, 0]
    row, column = (region_index(points[:, dim], size[1 - dim], GRID) for dim in (1, 0))
    dots = dot_map(points, stride=stride, size=size, weights=grid[row, column])
    return density * (1 - shares) + dots


def dot_map(
    points: Float[Tensor, "N 2"],
    *,
    stride: int,
    size: Size,
    weights: Float[Tensor, " N"] | None = None,
) -> Float[Tensor, "h w"]:
    """Number of points in each cell of a stride-``stride`` map.

    Args:
        points: (N, 2) pixels; one on the image's far border belongs to the last cell.
        stride: Pixels per cell side.
        size: (H, W) of the image in pixels.
        weights: (N,) what each point counts; 1 when None.

    Example:
        >>> dot_map(torch.tensor([[1.5, 0.5], [3.0, 0.5]]), stride=2, size=(2, 3))
        tensor([[1., 1.]])
    """
    height, width = (-(-side // stride) for side in size)
    column, row = (points / stride).long().unbind(1)
    cells = (row.clamp(0, height - 1), column.clamp(0, width - 1))
    weights = points.new_ones(len(points)) if weights is None else weights
    return weights.new_zeros(height, width).index_put_(cells, weights, accumulate=True)


def fit_theta(
    density: Float[Tensor, "N cells"],
    localization: Float[Tensor, "N cells"],
    actual: Float[Tensor, "N cells"],
    *,
    per_cell: bool = False,
) -> Float64[Tensor, ""] | Float64[Tensor, " cells"]:
    """The threshold of `localization_weights` with the least absolute error over training cells.

    All thresholds that tell the cells apart differently are tried; the best lies half way between
    two means, or is infinite where all cells do best by one rule: minus infinity means density
    everywhere, infinity the average. Of equally good ones the least is taken. The paper estimates
    it "for each grid from all training data" and does not say how.

    Args:
        density: (N, 16) people of the density maps of N images.
        localization: (N, 16) points found.
        actual: (N, 16) people annotated.
        per_cell: A threshold for each cell instead of one for all.

    Returns:
        () threshold in persons per cell, or (16,) with ``per_cell``.

    Raises:
        DataError: There are no training cells.

    Example:
        >>> density, points = torch.tensor([[9.0], [3.0]]), torch.tensor([[5.0], [1.0]])
        >>> fit_theta(density, points, actual=torch.tensor([[9.0], [2.0]])).item()
        4.5
    """
    if actual.numel() == 0:
        raise DataError("no training cells to fit the fusion threshold to")
    columns = [
        each.double().reshape(-1, each.shape[1] if per_cell else 1)
        for each in (density, localization, actual)
    ]
    theta = _best_thresholds(*columns)
    return theta if per_cell else theta[0]


def _best_thresholds(
    density: Float64[Tensor, "N T"],
    localization: Float64[Tensor, "N T"],
    actual: Float64[Tensor, "N T"],
) -> Float64[Tensor, " T"]:
    """Of each column: the first i cells in the order of their means average, the others do not."""
    mean, order = ((density + localization) / 2).sort(dim=0)
    averaging = (mean - actual.gather(0, order)).abs()
    dense = (density - actual).abs().gather(0, order)
    nothing = mean.new_zeros(1, mean.shape[1])
    error = torch.cat([nothing, averaging.cumsum(0)])
    error += torch.cat([dense.flip(0).cumsum(0).flip(0), nothing])
    below = torch.cat([nothing - math.inf, mean])
    above = torch.cat([mean, nothing + math.inf])
    error[below == above] = math.inf  # cells of one mean are treated alike
    best = error.argmin(0, keepdim=True)
    return ((below + above) / 2).gather(0, best)[0]
