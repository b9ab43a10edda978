"""Make the targets of the localization and attention branches from the heads."""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from crowdkit_core.interfaces import Size

NEIGHBOURS = 3
"""Heads whose mean distance is a pixel's attention."""

TOLERANCE = 1e-4
"""Attention below this is 0 in targets."""

_PLUS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))


def localization_labels(
    points: Float[Tensor, "N 2"], size: Size, *, stride: int = 1
) -> Bool[Tensor, "h w"]:
    """Cells that hold a head or share a side with one that does (eq. 2).

    Liu, Weng and Mu, CVPR 2019: a plus of five pixels per head, cut at the border, True where any
    head has one. A point on the far border belongs to the last cell.

    Args:
        points: (N, 2) pixels.
        size: (H, W) of the image in pixels.
        stride: Pixels per cell side; the paper's map has 1.

    Example:
        >>> localization_labels(torch.tensor([[2.5, 0.5]]), (2, 4)).int().tolist()
        [[0, 1, 1, 1], [0, 0, 1, 0]]
    """
    height, width = _cells(size, stride)
    column = (points[:, 0] / stride).long().clamp(0, width - 1)
    row = (points[:, 1] / stride).long().clamp(0, height - 1)
    labels = torch.zeros(height + 2, width + 2, dtype=torch.bool, device=points.device)
    for down, right in _PLUS:
        labels[row + 1 + down, column + 1 + right] = True
    return labels[1:-1, 1:-1]


def attention_target(
    points: Float[Tensor, "N 2"],
    size: Size,
    *,
    stride: int = 1,
    sigma: float = 3.0,
    tolerance: float = TOLERANCE,
) -> Float[Tensor, "h w"]:
    """Crowdedness round every cell: exp(-d^2 / (2 sigma^2)).

    d is the mean distance from the cell's centre to the three nearest heads, or to all where
    there are fewer; without any head the map is 0. Liu, Weng and Mu, CVPR 2019, section 3.1. Found
    with a k-d tree, on the CPU, and only where it can exceed ``tolerance``.

    Args:
        points: (N, 2) pixels.
        size: (H, W) of the image in pixels.
        stride: Pixels per cell side; the paper's map has 1.
        sigma: In pixels; the paper's sigma_z.
        tolerance: What is less is 0; everything else is exact to float32.

    Returns:
        (h, w) in [0, 1], on the points' device.

    Example:
        >>> attention_target(torch.tensor([[0.5, 0.5]]), (1, 3), sigma=1.0)
        tensor([[1.0000, 0.6065, 0.1353]])
    """
    heads = points.detach().cpu().double().numpy()
    reach = sigma * math.sqrt(-2 * math.log(tolerance))
    values = torch.zeros(_cells(size, stride))
    cells = torch.nonzero(_near(torch.from_numpy(_crowded(heads, reach)), size, stride, reach))
    if len(cells):
        distance = _mean_distance(heads, (cells.flip(1).double().numpy() + 0.5) * stride, reach)
        attention = torch.from_numpy(np.exp(-(distance**2) / (2 * sigma**2))).float()
        values[tuple(cells.T)] = attention.where(attention >= tolerance, 0.0)
    return values.to(points.device)


def _cells(size: Size, stride: int) -> Size:
    return -(-size[0] // stride), -(-size[1] // stride)


def _crowded(heads: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Heads that can be nearest to a cell whose mean distance is within reach.

    Let a, b and c be the cell's distances to its nearest heads, ascending, 3 reach in sum at most.
    From the first head to the other two it is a + b and a + c at most; as a is no more than the
    mean, their sum is at most 4 reach, and no two other heads are nearer.
    """
    others = min(NEIGHBOURS, len(heads)) - 1
    if others < 1:
        return heads
    near, _ = cKDTree(heads).query(heads, k=range(2, others + 2), workers=_threads())
    crowded: NDArray[np.float64] = heads[near.sum(1) <= 2 * others * reach]
    return crowded


def _near(heads: Tensor, size: Size, stride: int, reach: float) -> Bool[Tensor, "h w"]:
    """Cells that may have their centre within reach of a head, and few others."""
    height, width = _cells(size, stride)
    radius = math.ceil(reach / stride) + 1
    side = torch.arange(-radius, radius + 1)
    # Two cells whose points are within reach are at most half a diagonal farther apart.
    disc = torch.cartesian_prod(side, side)
    disc = disc[disc.double().norm(dim=1) * stride <= reach + stride / math.sqrt(2)]
    cells = (heads.flip(1) / stride).long()
    near = torch.zeros(height, width, dtype=torch.bool)
    flat, limits = near.view(-1), torch.tensor([height, width])
    cells = cells.clamp_min(0).minimum(limits - 1)
    for offset in disc:
        moved = cells + offset
        inside = ((moved >= 0) & (moved < limits)).all(1)
        flat[_flat_index(moved[inside], width)] = True
    return near


def _flat_index(cells: Int64[Tensor, "N 2"], width: int) -> Int64[Tensor, " N"]:
    return cells[:, 0] * width + cells[:, 1]


def _mean_distance(
    heads: NDArray[np.float64], places: NDArray[np.float64], reach: float
) -> NDArray[np.float64]:
    """From each place to its nearest heads; infinite where it is beyond reach."""
    k = min(NEIGHBOURS, len(heads))
    # The farthest of k distances is at most their sum. Where one is missing the mean is infinite.
    distances, _ = cKDTree(heads).query(
        places, k=range(1, k + 1), distance_upper_bound=k * reach, workers=_threads()
    )
    mean: NDArray[np.float64] = distances.mean(1)
    return mean


def _threads() -> int:
    return torch.get_num_threads()
