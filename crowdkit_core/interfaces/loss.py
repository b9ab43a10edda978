"""The loss contract: prediction and target in, named scalars out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from crowdkit_core.interfaces.counter import Counter
from crowdkit_core.interfaces.dataset import Dataset
from crowdkit_core.interfaces.density_generator import DensityGenerator
from crowdkit_core.interfaces.origin import Component
from crowdkit_core.interfaces.prediction import Prediction
from crowdkit_core.interfaces.samples import Size
from crowdkit_core.interfaces.target import Target


@dataclass(frozen=True, slots=True)
class LossTerms:
    """Named scalars, already weighted, and their total.

    Attributes:
        terms: Each a scalar tensor; what the log shows.
        total: What is minimised.
    """

    terms: Mapping[str, Tensor]
    total: Float[Tensor, ""]

    @classmethod
    def of(cls, **terms: Tensor) -> "LossTerms":
        """Terms whose total is their sum.

        Example:
            >>> import torch
            >>> LossTerms.of(count=torch.tensor(2.0), map=torch.tensor(0.5)).total.item()
            2.5
        """
        return cls(terms, sum(list(terms.values())[1:], start=next(iter(terms.values()))))


class Loss(nn.Module, Component, ABC):
    """Compares a prediction with a target.

    The loss of a batch is the mean of the losses of its images, zero people included, and looks
    only inside the target's region.

    Attributes:
        needs: Names of the counter's ``outputs`` it reads; ``count`` alone needs none.
        is_mean_of_images: False where a paper divides by something of the whole batch, such as the
            number of its people, so that an image weighs more or less by what it comes with.
        gradient_is_derivative: False where a paper goes down a slope of its own, such as that of
            a transport cost with its potentials held fixed, and not that of the value.
    """

    kind: ClassVar[str] = "loss"

    needs: tuple[str, ...] = ("density",)
    is_mean_of_images: bool = True
    gradient_is_derivative: bool = True

    @abstractmethod
    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """Named scalars and their total."""

    def missing(self, counter: Counter) -> list[str]:
        """What this loss needs that ``counter`` does not give, in words; empty if it fits."""
        return [f"a map named {name!r}" for name in self.needs if name not in counter.outputs]

    def fit(self, dataset: Dataset, density_generator: DensityGenerator) -> None:
        """Learn statistics of a training set (annotations only); nothing by default."""

    def measure(self, points: Float[Tensor, "N 2"], size: Size) -> Mapping[str, Tensor]:
        """Per-point lengths to take on the whole image, found again in ``Target.lengths``."""
        return {}

    def start_epoch(self, epoch: int) -> None:
        """Called before each epoch, counted from 0, for weights that change over time."""
