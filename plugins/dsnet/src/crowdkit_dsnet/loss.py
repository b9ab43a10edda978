"""The loss `multi-scale-consistency`: density levels of an image's parts."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Target
from crowdkit_core.losses import MSE, main_maps, mean_over_images


def density_level_inconsistency(
    predicted: Float[Tensor, "B 1 h w"],
    wanted: Float[Tensor, "B 1 h w"],
    shares: Float[Tensor, "B 1 h w"] | None = None,
    *,
    grids: Sequence[int] = (1, 2, 4),
) -> Float[Tensor, " B"]:
    """Mean absolute error of the mean densities of a grid's parts, added up over grids.

    Args:
        predicted: (B, 1, h, w) persons per cell, zero outside the region.
        wanted: (B, 1, h, w) persons per cell, zero outside the region.
        shares: Share of each cell inside the region; None for everywhere. A part's density is
            the mean over its cells inside; a part outside counts as right.
        grids: Parts per side of each grid.

    Returns:
        (B,) in persons per cell.

    Example:
        >>> import torch
        >>> predicted = torch.tensor([[[[1.0, 0.0], [0.0, 3.0]]]])
        >>> density_level_inconsistency(predicted, torch.zeros(1, 1, 2, 2), grids=(1, 2)).tolist()
        [2.0]
    """
    loss = predicted.new_zeros(len(predicted))
    for parts in grids:
        difference = adaptive_avg_pool2d(predicted - wanted, parts)
        if shares is not None:
            inside = adaptive_avg_pool2d(shares, parts)
            difference = difference / inside.where(inside > 0, 1.0)
        loss = loss + difference.abs().flatten(1).mean(1)
    return loss


class MultiScaleConsistency(Loss):
    """Mean squared error plus multi-scale density level consistency.

    DSNet's loss (Dai et al., Dense Scale Network for Crowd Counting, 2019): mean(e^2) +
    lambda L_C, where L_C compares the mean densities of the whole image, its quarters and its
    sixteenths, see `density_level_inconsistency`.

    Args:
        consistency_weight: lambda; 1000 is a public reimplementation's for ShanghaiTech A, with
            maps in persons per cell of stride 8.
        grids: Parts per side of each grid.

    Raises:
        OptionsError: ``consistency_weight`` is negative, ``grids`` empty or a grid less than 1.
    """

    def __init__(
        self, *, consistency_weight: float = 1000.0, grids: tuple[int, ...] = (1, 2, 4)
    ) -> None:
        super().__init__()
        if not consistency_weight >= 0:
            raise OptionsError(f"consistency_weight is {consistency_weight}, must not be negative")
        if not grids or min(grids) < 1:
            raise OptionsError(f"grids is {grids}, expected numbers from 1")
        self.consistency_weight = consistency_weight
        self.grids = grids
        self.euclidean = MSE(reduction="mean")

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The loss as two weighted terms, ``mse`` and ``consistency``."""
        consistency = mean_over_images(
            main_maps(prediction, target, self),
            lambda pair: density_level_inconsistency(
                pair.predicted, pair.wanted, pair.shares, grids=self.grids
            ),
        )
        return LossTerms.of(
            mse=self.euclidean(prediction, target).total,
            consistency=self.consistency_weight * consistency,
        )
