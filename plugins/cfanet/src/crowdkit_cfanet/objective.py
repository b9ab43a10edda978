"""The loss `cfanet`: density maps, coarse and fine attention, weighted on a schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_cfanet.targets import (
    QUANTILES,
    Interpolation,
    class_borders,
    coarse_attention,
    density_quantiles,
    fine_classes,
)
from crowdkit_core.errors import DataError, IncompatibleError, OptionsError, UsageError
from crowdkit_core.interfaces import (
    Counter,
    Dataset,
    DensityGenerator,
    Loss,
    LossTerms,
    Prediction,
    Size,
    Target,
)
from crowdkit_core.losses import cut, maps_of_kind, mean_over_cells
from crowdkit_core.registry import create


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the objective's parts from an epoch on.

    Attributes:
        epoch: Counted from 0.
        density: Of the background-aware structural loss.
        coarse: Of the coarse attention's cross entropy; the paper's lambda.
        fine: Of the fine attention's cross entropy; the paper's mu.
    """

    epoch: int
    density: float
    coarse: float
    fine: float


SCHEDULE = (
    Weights(epoch=0, density=0.8, coarse=0.3, fine=0.3),
    Weights(epoch=100, density=1.0, coarse=0.05, fine=0.3),
    Weights(epoch=300, density=1.0, coarse=0.05, fine=0.05),
)
"""Read off the paper's figure 4, whose training lasts 500 epochs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityLoss:
    """Which loss compares the density maps.

    Attributes:
        name: Its registered name.
        options: Its own.
    """

    name: str = "bsl"
    options: Mapping[str, Any] = field(default_factory=dict)


class CFANetLoss(Loss):
    """A loss of all density maps, and cross entropies of all attention maps, weighted by epoch.

    Rong and Li, WACV 2021, eq. 6, with the weight of the density maps that figure 4 shows and the
    equation leaves out. Each sum runs over the maps that the counter gives: the density loss, the
    paper's `BSL` unless another is asked for, over those of kind ``density``; binary cross entropy
    with where the crowd is over those of kind ``attention``; cross entropy with the density level
    over those of kind ``classes``, with as many levels as a map has channels. A cross entropy is
    the mean over the cells inside the region. Which kinds of maps there are is the counter's
    choice, so that its ablations need no other loss.

    Density levels part the crowd's pixels of the training set equally, the last level being the
    densest; `fit` finds their borders, and they are saved and resumed with the training.

    Args:
        schedule: Weights at ascending epochs, linear in between and constant beyond.
        attention_targets: How the coarse attention's targets become as small as its maps; see
            `coarse_attention`.
        density_loss: What compares each density map with its target; the paper's table 10 tries
            seven others than `BSL`.

    Raises:
        OptionsError: A value out of its range, or a density loss that reads other maps too.
    """

    quantiles: Tensor

    def __init__(
        self,
        *,
        schedule: tuple[Weights, ...] = SCHEDULE,
        attention_targets: Interpolation = "bilinear",
        density_loss: DensityLoss | Loss = DensityLoss(),
    ) -> None:
        super().__init__()
        _check(schedule)
        self.schedule = schedule
        self.attention_targets: Interpolation = attention_targets
        self.density_loss = _density_loss(density_loss)
        self.register_buffer("quantiles", torch.full((QUANTILES + 1,), torch.nan))
        self.start_epoch(0)

    def fit(self, dataset: Dataset, density_generator: DensityGenerator) -> None:
        """Find the borders of the density levels, and what the density loss learns.

        Raises:
            IncompatibleError: The generator makes no maps at full resolution.
            DataError: Nobody is in the data set.
        """
        strides = density_generator.strides
        if strides is not None and 1 not in strides:
            raise IncompatibleError(
                f"{self.label} needs maps at stride 1, which {density_generator.label} cannot make",
                hint=f"{density_generator.label} makes strides {sorted(strides)}",
            )
        quantiles = density_quantiles(dataset, density_generator)
        if quantiles is None:
            raise DataError(
                f"{self.label} finds no density levels: nobody is in the {len(dataset)} images of"
                f" split {dataset.split!r}",
                hint="train on images with people",
            )
        self.quantiles.copy_(quantiles)
        self.density_loss.fit(dataset, density_generator)

    def measure(self, points: Float[Tensor, "N 2"], size: Size) -> Mapping[str, Tensor]:
        """What the density loss measures."""
        return self.density_loss.measure(points, size)

    def start_epoch(self, epoch: int) -> None:
        """Take the epoch's weights."""
        self.weights = weights_at(self.schedule, epoch)
        self.density_loss.start_epoch(epoch)

    def missing(self, counter: Counter) -> list[str]:
        """What the density loss misses, and classes worth telling apart; see `Loss.missing`."""
        poor = [
            f"a map {name!r} of at least 2 classes (it has {spec.channels})"
            for name, spec in counter.outputs.items()
            if spec.kind == "classes" and spec.channels < 2
        ]
        return self.density_loss.missing(counter) + poor

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The weighted terms of the density loss, ``coarse`` and ``fine``.

        Raises:
            UsageError: There are classes to learn and `fit` has not been called.
            IncompatibleError: The prediction has no density map, or does not say what a map is.
        """
        if prediction.density is None:
            raise IncompatibleError(f"{self.label} needs a density map, the prediction has none")
        maps = maps_of_kind(prediction, "density", self)
        parts = [self._density(density, target, stride) for density, stride in maps.values()]
        weights = self.weights
        terms = {name: weights.density * _sum([part[name] for part in parts]) for name in parts[0]}
        attention = {}
        if coarse := maps_of_kind(prediction, "attention", self):
            losses = [self._coarse(m, target, stride) for m, stride in coarse.values()]
            attention["coarse"] = weights.coarse * _sum(losses)
        if fine := maps_of_kind(prediction, "classes", self):
            losses = [self._fine(m, target, stride) for m, stride in fine.values()]
            attention["fine"] = weights.fine * _sum(losses)
        return LossTerms.of(**terms, **attention)

    def _density(self, density: Tensor, target: Target, stride: int) -> Mapping[str, Tensor]:
        terms: LossTerms = self.density_loss(Prediction.from_density(density, stride), target)
        return terms.terms

    def _coarse(self, probabilities: Tensor, target: Target, stride: int) -> Tensor:
        density = target.density(1)

        def entropy(predicted: Tensor, images: Sequence[int], size: Size) -> Tensor:
            full = cut(density, images, size, 1).to(predicted.dtype)
            wanted = coarse_attention(full, stride, interpolation=self.attention_targets)
            return F.binary_cross_entropy(predicted, wanted, reduction="none")

        return mean_over_cells(probabilities, target, stride, entropy)

    def _fine(self, logits: Tensor, target: Target, stride: int) -> Tensor:
        if self.quantiles[0].isnan():
            raise UsageError(
                f"{self.label} does not know the density levels of the training set",
                hint="call fit(dataset, density_generator) first",
            )
        borders = class_borders(self.quantiles, logits.shape[1])
        density = target.density(1)

        def entropy(predicted: Tensor, images: Sequence[int], size: Size) -> Tensor:
            full = cut(density, images, size, 1).to(predicted.dtype)
            wanted = fine_classes(full, borders, stride)
            return F.cross_entropy(predicted, wanted, reduction="none").unsqueeze(1)

        return mean_over_cells(logits, target, stride, entropy)


def weights_at(schedule: Sequence[Weights], epoch: int) -> Weights:
    """The weights of an epoch.

    Example:
        >>> weights_at(SCHEDULE, 200)
        Weights(epoch=200, density=1.0, coarse=0.05, fine=0.175)
    """
    epochs = [each.epoch for each in schedule]

    def at(values: Sequence[float]) -> float:
        return float(np.interp(epoch, epochs, values))

    return Weights(
        epoch=epoch,
        density=at([each.density for each in schedule]),
        coarse=at([each.coarse for each in schedule]),
        fine=at([each.fine for each in schedule]),
    )


def _density_loss(part: DensityLoss | Loss) -> Loss:
    loss = create("loss", part.name, **part.options) if isinstance(part, DensityLoss) else part
    if others := sorted({*loss.needs} - {"density"}):
        raise OptionsError(
            f"density_loss: {loss.label} also reads {', '.join(others)}, expected a loss of"
            f" density maps alone"
        )
    return loss


def _check(schedule: Sequence[Weights]) -> None:
    epochs = [each.epoch for each in schedule]
    if not epochs or any(later <= earlier for earlier, later in pairwise(epochs)):
        raise OptionsError(f"schedule has epochs {epochs}, expected at least one, ascending")
    for each in schedule:
        if not min(each.density, each.coarse, each.fine) >= 0:
            raise OptionsError(f"schedule has {each}, expected weights of at least 0")


def _sum(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(values)).sum()
