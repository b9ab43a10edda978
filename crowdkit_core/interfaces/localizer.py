"""The localizer contract: a prediction in, points out."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import nn

from crowdkit_core.interfaces.counter import Counter
from crowdkit_core.interfaces.origin import Component
from crowdkit_core.interfaces.points import LocalizedPoints
from crowdkit_core.interfaces.prediction import Prediction
from crowdkit_core.interfaces.samples import Size


class Localizer(nn.Module, Component, ABC):
    """Finds where people are.

    Attributes:
        needs: Names of the counter's ``outputs`` it reads.
    """

    kind: ClassVar[str] = "localizer"

    needs: tuple[str, ...] = ("density",)

    @abstractmethod
    def forward(self, prediction: Prediction, size: Size) -> list[LocalizedPoints]:
        """Points of each image of the batch.

        Args:
            prediction: What a counter gave.
            size: (H, W) of the images; points lie inside ``[0, W] x [0, H]``.
        """

    def missing(self, counter: Counter) -> list[str]:
        """What this localizer needs that ``counter`` does not give, in words."""
        return [f"a map named {name!r}" for name in self.needs if name not in counter.outputs]
