"""What it costs to move a person from a cell to a point."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Cost = Callable[[Tensor, Tensor], Tensor]
"""Takes (M, 2) and (N, 2) places, x and y, and gives (M, N) costs, 0 where they are one."""


def distances(cells: Float[Tensor, "M 2"], points: Float[Tensor, "N 2"]) -> Float[Tensor, "M N"]:
    """Euclidean, exact also where places are near each other."""
    return torch.cdist(cells, points, compute_mode="donot_use_mm_for_euclid_dist")


def exponential(scale: float) -> Cost:
    """exp(distance / scale) - 1.

    Example:
        >>> exponential(2.0)(torch.zeros(1, 2), torch.tensor([[0.0, 0.0], [0.0, 2.0]]))
        tensor([[0.0000, 1.7183]])
    """
    return lambda cells, points: torch.expm1(distances(cells, points) / scale)


def perspective(scale: float, growth: float) -> Cost:
    """The same with a scale that grows down the image: far people stand close in it.

    Args:
        scale: In the first row.
        growth: Of the scale for each unit of the mean of both y.
    """

    def cost(cells: Float[Tensor, "M 2"], points: Float[Tensor, "N 2"]) -> Float[Tensor, "M N"]:
        rows = (cells[:, None, 1] + points[:, 1]) / 2
        return torch.expm1(distances(cells, points) / (scale + growth * rows))

    return cost
