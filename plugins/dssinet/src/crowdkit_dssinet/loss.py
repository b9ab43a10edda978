"""The loss `dms-ssim`: structural similarity in ever wider windows."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Target
from crowdkit_core.losses import MapPair, main_maps, mean_inside, mean_over_images
from crowdkit_core.metrics import ssim_map

_DILATIONS = (1, 2, 3, 6, 9)
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_LEAST_SCORE = 1e-6
"""A negative score has no power with a fraction."""


def dms_ssim(
    predicted: Float[Tensor, "B 1 h w"],
    wanted: Float[Tensor, "B 1 h w"],
    shares: Float[Tensor, "B 1 h w"] | None = None,
    *,
    pool_between_levels: bool = False,
) -> Float[Tensor, " B"]:
    """Weighted product of the mean structural similarities in five sizes of window.

    Both maps are divided by the greatest value of the wanted one; without people there is none
    and persons per cell are compared.

    Args:
        predicted: (B, 1, h, w) persons per cell, zero outside the region.
        wanted: (B, 1, h, w) persons per cell, zero outside the region.
        shares: Share of each cell inside the region; None for everywhere.
        pool_between_levels: Average 2 x 2 cells to one from each level to the next; a last odd
            row or column is averaged alone.

    Returns:
        (B,) in (0, 1], 1 where the maps agree.
    """
    peak = wanted.amax((1, 2, 3), keepdim=True)
    unit = peak.where(peak > 0, 1.0)
    maps = [predicted / unit, wanted / unit]
    product = predicted.new_ones(len(predicted))
    for level, (dilation, weight) in enumerate(zip(_DILATIONS, _WEIGHTS, strict=True)):
        if pool_between_levels and level > 0:
            maps = [F.avg_pool2d(m, 2, ceil_mode=True) for m in maps]
            shares = None if shares is None else F.avg_pool2d(shares, 2, ceil_mode=True)
        similarity = ssim_map(*maps, window=5, sigma=1.0, dilation=dilation)
        score = 1 - mean_inside(1 - similarity, shares)
        product = product * score.clamp_min(_LEAST_SCORE) ** weight
    return product


class DMSSSIM(Loss):
    """Dilated multi-scale structural similarity loss.

    DSSINet's loss (Liu et al., Crowd Counting with Deep Structured Scale Integration Network,
    ICCV 2019): 1 - DMS-SSIM with 5 x 5 Gaussian windows of deviation 1, dilated by 1, 2, 3, 6 and
    9 cells; see `dms_ssim`. As both maps are divided by the greatest wanted value, the scale of
    the maps plays no part.

    Args:
        pool_between_levels: As the released code does it, where the paper speaks of dilation
            alone. It halves the maps four times, so it suits counters of stride 1 or 2.
    """

    def __init__(self, *, pool_between_levels: bool = False) -> None:
        super().__init__()
        self.pool_between_levels = pool_between_levels

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The loss as one term, ``dms_ssim``."""
        return LossTerms.of(
            dms_ssim=mean_over_images(main_maps(prediction, target, self), self._dissimilarity)
        )

    def _dissimilarity(self, pair: MapPair) -> Float[Tensor, " b"]:
        return 1 - dms_ssim(
            pair.predicted,
            pair.wanted,
            pair.shares,
            pool_between_levels=self.pool_between_levels,
        )
