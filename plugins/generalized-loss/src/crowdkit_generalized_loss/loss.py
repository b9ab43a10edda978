"""The loss `generalized`: unbalanced transport from the density to the points."""

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Target
from crowdkit_core.losses import densities_inside, require_weights
from crowdkit_core.precision import without_autocast
from crowdkit_generalized_loss.costs import Cost, exponential, perspective
from crowdkit_generalized_loss.transport import transport

CostName = Literal["perspective", "exponential"]
Norm = Literal["l1", "l2"]
"""Absolute or squared errors."""

_SCALES: Mapping[CostName, float] = {"perspective": 0.5, "exponential": 0.6}
"""Of the released code."""

_LEAST = 1e-20
"""Keeps the logarithm of an empty plan finite, as in the released code."""


class Generalized(Loss):
    """Generalized loss: transport that may leave density, or people, where they are, at a price.

    Wan, Liu and Chan, A Generalized Loss Function for Crowd Counting and Localization, CVPR 2021.
    It needs points, no target map. With the density's cells and the points as two masses and P the
    plan between them (`transport`), an image costs the sum of

    - ``transport``: the value of that problem.
    - ``pixel``: errors of the density against what P takes from each cell, P held fixed.
    - ``point``: errors of 1 against what P brings to each point.
    - ``entropy``: the mean of P log P over all pairs of cell and point.

    and an image without people the absolute sum of its density in place of each of the first three.
    The potentials that P is made of are held fixed in the gradient. A batch is the mean of its
    images; the released code trains with batches of one.

    Args:
        cost: Of moving somebody by a distance: exp(distance / scale) - 1, with a scale that grows
            down the image (``perspective``) or one scale (``exponential``).
        scale: In units; None for 0.5 in the first row (``perspective``) or 0.6 (``exponential``).
        growth: Of the scale per unit down the image; ``perspective`` alone reads it.
        unit: Pixels. The released code has the side of its square crops.
        blur: Weight of the entropy in the transport problem.
        reach: Weight of its marginals: the price of leaving somebody.
        scaling: Factor from one weight of the entropy to the next while it falls to ``blur``.
        transport: Weight of the term; 0 leaves it out.
        pixel: Likewise.
        point: Likewise.
        entropy: Likewise; the released code has ``blur``.
        pixel_norm: Of the errors in ``pixel``.
        point_norm: Of the errors in ``point``.
        grid_offset: Cells by which the centres lie too far right and down: 0.5 in the released
            code, for weights that were trained with it.

    Raises:
        OptionsError: A negative weight, no positive one, or another setting out of its range.
    """

    gradient_is_derivative = False

    def __init__(
        self,
        *,
        cost: CostName = "perspective",
        scale: float | None = None,
        growth: float = 0.2,
        unit: float = 512.0,
        blur: float = 0.01,
        reach: float = 0.5,
        scaling: float = 0.5,
        transport: float = 1.0,
        pixel: float = 0.1,
        point: float = 0.1,
        entropy: float = 0.01,
        pixel_norm: Norm = "l2",
        point_norm: Norm = "l1",
        grid_offset: float = 0.0,
    ) -> None:
        super().__init__()
        scale = _SCALES[cost] if scale is None else scale
        positive = {"scale": scale, "unit": unit, "blur": blur, "reach": reach}
        for name, value in positive.items():
            if not 0 < value < math.inf:
                raise OptionsError(f"{self.label}: {name} is {value}, expected more than 0")
        if not 0 < scaling < 1:
            raise OptionsError(f"{self.label}: scaling is {scaling}, expected between 0 and 1")
        if not 0 <= growth < math.inf:
            raise OptionsError(f"{self.label}: growth is {growth}, expected 0 or more")
        self.weights = {
            "transport": transport,
            "pixel": pixel,
            "point": point,
            "entropy": entropy,
        }
        require_weights(self, self.weights)
        self.cost: Cost = (
            exponential(scale) if cost == "exponential" else perspective(scale, growth)
        )
        self.unit = unit
        self.blur = blur
        self.reach = reach
        self.scaling = scaling
        self.pixel_norm: Norm = pixel_norm
        self.point_norm: Norm = point_norm
        self.grid_offset = grid_offset

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The weighted terms, in the order of the options."""
        with without_autocast(target.count.device):  # logarithms are not exact in half precision
            densities, stride = densities_inside(prediction, target, self)
            images = zip(densities, target.points, strict=True)
            costs = [self._of_image(*image, stride) for image in images]
            return LossTerms.of(
                **{
                    name: weight * torch.stack([cost[name] for cost in costs]).mean()
                    for name, weight in self.weights.items()
                    if weight
                }
            )

    def _of_image(self, density: Tensor, points: Tensor, stride: int) -> Mapping[str, Tensor]:
        """Every term without its weight."""
        if len(points) == 0:
            everyone = density.sum().abs()
            missed = dict.fromkeys(("transport", "pixel", "point"), everyone)
            return {**missed, "entropy": 0 * everyone}
        cells = self._centres(density, stride)
        people = density.new_ones(len(points))
        places = points.to(density) / self.unit
        mass = density.flatten().clamp_min(0)
        found = transport(
            self.cost(cells, places),
            mass,
            people,
            blur=self.blur,
            reach=self.reach,
            diameter=_diameter(cells, places),
            scaling=self.scaling,
        )
        plan = found.plan(mass, people)
        sent, arrived = plan.detach().sum(1), plan.sum(0)
        return {
            "transport": found.value(mass, people),
            "pixel": _error(sent - density.flatten(), self.pixel_norm),
            "point": _error(arrived - people, self.point_norm),
            "entropy": ((plan + _LEAST) * (plan + _LEAST).log()).mean(),
        }

    def _centres(self, density: Tensor, stride: int) -> Tensor:
        """(cells, 2) x and y in units, row by row."""
        rows, columns = (
            (torch.arange(cells).to(density) + 0.5 + self.grid_offset) * (stride / self.unit)
            for cells in density.shape
        )
        return torch.cartesian_prod(rows, columns).flip(1)


def _diameter(cells: Tensor, points: Tensor) -> float:
    """Diagonal of the box around everything."""
    everything = torch.cat([cells, points])
    return math.hypot(*(everything.amax(0) - everything.amin(0)).tolist())


def _error(difference: Tensor, norm: Norm) -> Tensor:
    return difference.abs().sum() if norm == "l1" else difference.square().sum()
