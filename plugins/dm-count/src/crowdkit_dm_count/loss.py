"""The loss `dm-count`: as many people as there are points, and distributed as they are."""

import math
from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.density import count_cells
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Size, Target
from crowdkit_core.losses import densities_inside, require_weights
from crowdkit_core.precision import without_autocast
from crowdkit_dm_count.sinkhorn import GaussianKernel, sinkhorn

Coordinates = Literal["pixels", "normalized"]
"""What distances are measured in: pixels, or halves of the image's longer side."""


def transport_cost(
    density: Float[Tensor, "h w"],
    points: Float[Tensor, "N 2"],
    *,
    cell: float,
    regularization: float = 10.0,
    iterations: int = 100,
    tolerance: float = 1e-9,
) -> Float[Tensor, ""]:
    """Entropic cost of moving a density map, as a distribution, onto points.

    Cost is squared distance. The value is the dual objective of what `sinkhorn` finds; negative
    cells have no mass and no gradient. The gradient is DM-Count's, that of the value with both
    potentials held fixed: with beta the potential of a cell and S the sum of the density it is
    (beta - mean of beta over the density) / S. Where the algorithm has converged that is the
    derivative; where the kernel underflows it is what the paper trained with.

    Args:
        density: (h, w) persons per cell.
        points: (N, 2) x and y, at least one, in the unit of ``cell``.
        cell: Side of a cell.
        regularization: In the square of that unit.
        iterations: Of Sinkhorn's algorithm, at most.
        tolerance: Of the cells' squared errors together, at which it ends early.

    Example:
        >>> density = torch.tensor([[0.0, 2.0]], requires_grad=True)
        >>> cost = transport_cost(density, torch.tensor([[4.0, 4.0], [12.0, 4.0]]), cell=8.0)
        >>> (gradient,) = torch.autograd.grad(cost, density)
        >>> gradient.sign().int().tolist()
        [[-1, 0]]
    """
    with torch.no_grad():
        mass = density.clamp_min(0)
        count = mass.sum()
        of_cells = _distribution(mass, count)
        of_points = points.new_full((len(points),), 1 / len(points)).to(mass)
        kernel = GaussianKernel.between(
            points.to(mass),
            (mass.shape[0], mass.shape[1]),
            cell=cell,
            regularization=regularization,
        )
        scalings = sinkhorn(kernel, of_points, of_cells, iterations=iterations, tolerance=tolerance)
        alpha, beta = scalings.potentials(regularization)
        value = (of_points * alpha).sum() + (of_cells * beta).sum()
        slope = (count * beta - (mass * beta).sum()) / (count.square() + 1e-8)
        slope[density < 0] = 0
    return value + ((density - density.detach()) * slope).sum()


def total_variation(
    density: Float[Tensor, "h w"], people: Float[Tensor, "h w"]
) -> Float[Tensor, ""]:
    """Sum of absolute differences of two maps as distributions, 0 to 2 where none is negative.

    Args:
        density: Persons per cell as predicted.
        people: Number of points in each cell.

    Example:
        >>> print(f"{total_variation(torch.tensor([[1.0, 3.0]]), torch.ones(1, 2)):.3f}")
        0.500
    """
    wanted = _distribution(people, people.sum())
    return (_distribution(density, density.clamp_min(0).sum()) - wanted).abs().sum()


def _distribution(masses: Tensor, total: Tensor) -> Tensor:
    return masses / (total + 1e-6)


class DMCount(Loss):
    """Distribution matching: error of the count, optimal transport, total variation.

    Wang et al., Distribution Matching for Crowd Counting, NeurIPS 2020. It needs points, no
    target map. Of an image with n people these are added up:

    - ``count``: ``|sum of density - n|``.
    - ``transport``: `transport_cost` of the density to the points, both as distributions.
    - ``variation``: n times the `total_variation` between density and points per cell.

    An image without people costs ``count`` alone. A batch is the mean of its images in every term.
    The released code adds transport up over a batch of 10 with weight 0.1, and takes means of the
    other terms: 1 here, whatever the batch.

    Args:
        count: Weight of the term; 0 leaves it out.
        transport: Likewise.
        variation: Likewise.
        regularization: Entropic, in squared pixels (or squared halves of the longer side).
        iterations: Of Sinkhorn's algorithm, at most.
        tolerance: Sum of squared errors of the cells' shares at which it ends early.
        coordinates: ``normalized`` measures in halves of the image's longer side, as the released
            option ``norm_cood`` does in square crops.

    Raises:
        OptionsError: A negative weight, no positive one, or a setting that is not positive.
    """

    gradient_is_derivative = False

    def __init__(
        self,
        *,
        count: float = 1.0,
        transport: float = 1.0,
        variation: float = 0.01,
        regularization: float = 10.0,
        iterations: int = 100,
        tolerance: float = 1e-9,
        coordinates: Coordinates = "pixels",
    ) -> None:
        super().__init__()
        self.weights = {"count": count, "transport": transport, "variation": variation}
        require_weights(self, self.weights)
        if not (0 < regularization < math.inf and iterations >= 1 and tolerance >= 0):
            raise OptionsError(
                f"{self.label}: regularization is {regularization}, iterations {iterations} and "
                f"tolerance {tolerance}, expected more than 0, 1 or more and 0 or more"
            )
        self.regularization = regularization
        self.iterations = iterations
        self.tolerance = tolerance
        self.coordinates: Coordinates = coordinates

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The weighted terms, in the order of the options."""
        with without_autocast(target.count.device):  # the kernel underflows in half precision
            densities, stride = densities_inside(prediction, target, self)
            images = zip(densities, target.points, target.sizes, strict=True)
            costs = [self._of_image(*image, stride) for image in images]
            return LossTerms.of(
                **{
                    name: weight * torch.stack([cost[name] for cost in costs]).mean()
                    for name, weight in self.weights.items()
                    if weight
                }
            )

    def _of_image(
        self, density: Tensor, points: Tensor, size: Size, stride: int
    ) -> Mapping[str, Tensor]:
        """The terms that have a weight, without it."""
        costs = {"count": (density.sum() - len(points)).abs()}
        costs |= dict.fromkeys(("transport", "variation"), 0 * density.sum())
        if len(points) == 0:
            return costs
        if self.weights["variation"]:
            people = count_cells(points, size, stride).to(density)
            costs["variation"] = len(points) * total_variation(density, people)
        if self.weights["transport"]:
            unit = 1.0 if self.coordinates == "pixels" else max(size) / 2
            costs["transport"] = transport_cost(
                density,
                points / unit,
                cell=stride / unit,
                regularization=self.regularization,
                iterations=self.iterations,
                tolerance=self.tolerance,
            )
        return costs
