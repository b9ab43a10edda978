"""Estimate confidence intervals by resampling images."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric and its 95 % bootstrap interval (percentile method, over images).

    Attributes:
        value: The metric on the images themselves.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: Tensor, resampled: Float64[Tensor, " R"]) -> "Estimate":
        """A metric and its values on resampled images; undefined (NaN) ones are left out."""
        tail = (1 - CONFIDENCE) / 2
        ends = resampled.new_tensor([tail, 1 - tail])
        low, high = torch.nanquantile(resampled, ends).tolist()
        return cls(value.item(), low, high)


def resampling_weights(images: int, *, seed: int) -> Float64[Tensor, "R images"]:
    """How often each image occurs in each of `RESAMPLES` draws with replacement.

    Example:
        >>> resampling_weights(7, seed=0).sum(1).unique().tolist()
        [7.0]
    """
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
    return torch.from_numpy(weights.astype(np.float64))
