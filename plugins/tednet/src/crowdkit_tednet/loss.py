"""The loss `spatial-abstraction`: errors on pooled levels, and the correlation of maps."""

from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn import functional as F

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Target
from crowdkit_core.losses import main_maps, mean_inside, mean_over_images

_EPSILON = 1e-6


def spatial_abstraction(
    predicted: Float[Tensor, "B 1 h w"],
    wanted: Float[Tensor, "B 1 h w"],
    shares: Float[Tensor, "B 1 h w"] | None = None,
    *,
    levels: int = 3,
    include_level_zero: bool = False,
) -> Float[Tensor, " B"]:
    """Mean squared errors of maps max-pooled once, twice, ..., added up.

    Args:
        predicted: (B, 1, h, w) persons per cell, zero outside the region.
        wanted: (B, 1, h, w) persons per cell, zero outside the region.
        shares: Share of each cell inside the region; None for everywhere.
        levels: How often the maps are pooled, 2 x 2 cells to one; a last odd row or column is
            pooled alone.
        include_level_zero: Also add the error of the maps themselves.

    Returns:
        (B,) in persons squared.

    Example:
        >>> import torch
        >>> predicted = torch.tensor([[[[1.0, 0.0], [0.0, 3.0]]]])
        >>> spatial_abstraction(predicted, torch.zeros(1, 1, 2, 2), levels=1).tolist()
        [9.0]
    """
    loss = predicted.new_zeros(len(predicted))
    if include_level_zero:
        loss = loss + mean_inside((predicted - wanted).square(), shares)
    for _ in range(levels):
        predicted, wanted = (F.max_pool2d(m, 2, ceil_mode=True) for m in (predicted, wanted))
        if shares is not None:
            shares = F.avg_pool2d(shares, 2, ceil_mode=True)
        loss = loss + mean_inside((predicted - wanted).square(), shares)
    return loss


def spatial_decorrelation(
    predicted: Float[Tensor, "B 1 h w"], wanted: Float[Tensor, "B 1 h w"]
) -> Float[Tensor, " B"]:
    """1 minus the normalised cross-correlation of each image's maps.

    Scaling a map changes nothing, so an image without people, whose map has no direction, gives
    0 and no gradient.

    Args:
        predicted: (B, 1, h, w) persons per cell, zero outside the region.
        wanted: (B, 1, h, w) persons per cell, zero outside the region.

    Returns:
        (B,) in [0, 2]; in [0, 1] where no cell is negative.

    Example:
        >>> import torch
        >>> density = torch.rand(1, 1, 4, 4)
        >>> bool(spatial_decorrelation(3 * density, density).abs() < 1e-5)
        True
    """
    a, b = predicted.flatten(1), wanted.flatten(1)
    # Not the root of one product: its slope is infinite without people.
    norms: Tensor = vector_norm(a, dim=1) * vector_norm(b, dim=1)
    return 1 - ((a * b).sum(1) + _EPSILON) / (norms + _EPSILON)


class SpatialAbstraction(Loss):
    """Spatial abstraction plus spatial correlation loss.

    TEDNet's losses (Jiang et al., Crowd Counting and Density Estimation by Trellis
    Encoder-Decoder Networks, CVPR 2019): L_SA + weight x L_SC, see `spatial_abstraction` and
    `spatial_decorrelation`. L_SC is taken of each image alone.

    Args:
        levels: How often maps are max-pooled for L_SA.
        include_level_zero: Whether L_SA also compares the maps themselves.
        correlation_weight: Weight of L_SC. It does not depend on the scale of the maps and L_SA
            does: for a counter whose paper trains on maps times k, divide it by k^2.

    Raises:
        OptionsError: ``levels`` is less than 1 or ``correlation_weight`` negative.
    """

    def __init__(
        self,
        *,
        levels: int = 3,
        include_level_zero: bool = False,
        correlation_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if levels < 1:
            raise OptionsError(f"levels is {levels}, expected at least 1")
        if not correlation_weight >= 0:
            raise OptionsError(f"correlation_weight is {correlation_weight}, must not be negative")
        self.levels = levels
        self.include_level_zero = include_level_zero
        self.correlation_weight = correlation_weight

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The loss as two weighted terms, ``abstraction`` and ``correlation``."""
        abstraction = mean_over_images(
            main_maps(prediction, target, self),
            lambda pair: spatial_abstraction(
                pair.predicted,
                pair.wanted,
                pair.shares,
                levels=self.levels,
                include_level_zero=self.include_level_zero,
            ),
        )
        correlation = mean_over_images(
            main_maps(prediction, target, self),
            lambda pair: spatial_decorrelation(pair.predicted, pair.wanted),
        )
        return LossTerms.of(
            abstraction=abstraction, correlation=self.correlation_weight * correlation
        )
