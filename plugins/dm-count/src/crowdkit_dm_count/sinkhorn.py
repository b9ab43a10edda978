"""Optimal transport between points and the cells of a map, by Sinkhorn's scalings."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

FLOOR = 1e-16
"""Added wherever something is divided by or a logarithm is taken, as in the released code."""

_STEPS_BETWEEN_CHECKS = 10


@dataclass(frozen=True, slots=True)
class GaussianKernel:
    """K = exp(-C / regularization) of points and cells, C their squared distances.

    It is the product of a factor of rows and one of columns, so the points x cells matrix, which
    underflows in the same places, is never made.

    Attributes:
        rows: (N, h) exp(-vertical distance squared / regularization).
        columns: (N, w) the same of horizontal distances.
    """

    rows: Float[Tensor, "N h"]
    columns: Float[Tensor, "N w"]

    @classmethod
    def between(
        cls,
        points: Float[Tensor, "N 2"],
        shape: tuple[int, int],
        *,
        cell: float,
        regularization: float,
    ) -> "GaussianKernel":
        """The kernel of points and the centres of a map's cells.

        Args:
            points: (N, 2) x and y, in the unit that ``cell`` is given in.
            shape: (h, w) cells.
            cell: Side of a cell.
            regularization: In the square of that unit.
        """
        height, width = shape

        def factor(coordinates: Tensor, cells: int) -> Tensor:
            centres = (torch.arange(cells).to(points) + 0.5) * cell
            return torch.exp((coordinates[:, None] - centres).square() / -regularization)

        return cls(rows=factor(points[:, 1], height), columns=factor(points[:, 0], width))

    def onto_cells(self, values: Float[Tensor, " N"]) -> Float[Tensor, "h w"]:
        """Sum over points of K times a value of each."""
        return (self.rows * values[:, None]).T @ self.columns

    def onto_points(self, values: Float[Tensor, "h w"]) -> Float[Tensor, " N"]:
        """Sum over cells of K times a value of each."""
        return ((self.rows @ values) * self.columns).sum(1)


@dataclass(frozen=True, slots=True)
class Scalings:
    """What Sinkhorn's algorithm found: the plan is P = u K v.

    Attributes:
        points: (N,) u.
        cells: (h, w) v.
    """

    points: Float[Tensor, " N"]
    cells: Float[Tensor, "h w"]

    def potentials(self, regularization: float) -> tuple[Tensor, Tensor]:
        """(N,) alpha and (h, w) beta: the regularization times the logarithms of u and v."""
        return (
            regularization * torch.log(self.points + FLOOR),
            regularization * torch.log(self.cells + FLOOR),
        )


def sinkhorn(
    kernel: GaussianKernel,
    points: Float[Tensor, " N"],
    cells: Float[Tensor, "h w"],
    *,
    iterations: int = 100,
    tolerance: float = 1e-9,
) -> Scalings:
    """Scale rows and columns of a kernel in turns until the plan has the masses asked for.

    Where the kernel underflows it cannot: a cell too far from every point keeps its mass, and its
    scaling comes from the floor. Scalings are at most 1 / `FLOOR`, so they are always finite.

    Args:
        kernel: Between points and cells.
        points: (N,) mass of each point; also what the scalings of points begin with.
        cells: (h, w) mass of each cell, not negative.
        iterations: At most.
        tolerance: Ends early where the sum of the cells' squared errors is no greater, which is
            looked at every tenth time.

    Example:
        >>> points = torch.tensor([[4.0, 4.0], [12.0, 4.0]])
        >>> kernel = GaussianKernel.between(points, (1, 2), cell=8.0, regularization=10.0)
        >>> found = sinkhorn(kernel, torch.tensor([0.5, 0.5]), torch.tensor([[0.25, 0.75]]))
        >>> (kernel.onto_cells(found.points) * found.cells).round(decimals=3).tolist()
        [[0.25, 0.75]]
    """
    u = points
    for iteration in range(1, iterations + 1):
        v = cells / (kernel.onto_cells(u) + FLOOR)
        u = points / (kernel.onto_points(v) + FLOOR)
        checked = iteration % _STEPS_BETWEEN_CHECKS == 0
        if checked and (cells - kernel.onto_cells(u) * v).square().sum() <= tolerance:
            break
    return Scalings(points=u, cells=v)
