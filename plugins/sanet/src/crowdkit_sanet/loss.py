"""The loss `euclidean-ssim`: squared error and local structure."""

from jaxtyping import Float
from torch import Tensor

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Target
from crowdkit_core.losses import MSE, MapPair, main_maps, mean_inside, mean_over_images
from crowdkit_core.metrics import ssim_map


class EuclideanSSIM(Loss):
    """Mean squared error plus a little of 1 - SSIM.

    SANet's loss (Cao et al., Scale Aggregation Network for Accurate and Efficient Crowd Counting,
    ECCV 2018): mean(e^2) + 0.001 (1 - mean SSIM), with 11 x 11 Gaussian windows of deviation 1.5,
    C1 = 0.01^2 and C2 = 0.03^2. See `ssim_map` for the border.

    Args:
        ssim_weight: Weight of 1 - SSIM.
        scale: Both terms are taken of persons per cell times this; 100 in public code that
            trains on hundredfold maps. The larger, the less the constants C1 and C2 smooth.

    Raises:
        OptionsError: ``ssim_weight`` is negative or ``scale`` not positive.
    """

    def __init__(self, *, ssim_weight: float = 1e-3, scale: float = 1.0) -> None:
        super().__init__()
        if not ssim_weight >= 0:
            raise OptionsError(f"ssim_weight is {ssim_weight}, must not be negative")
        self.ssim_weight = ssim_weight
        self.euclidean = MSE(reduction="mean", scale=scale)

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The loss as two weighted terms, ``euclidean`` and ``ssim``."""
        structure = mean_over_images(main_maps(prediction, target, self), self._dissimilarity)
        return LossTerms.of(
            euclidean=self.euclidean(prediction, target).total,
            ssim=self.ssim_weight * structure,
        )

    def _dissimilarity(self, pair: MapPair) -> Float[Tensor, " b"]:
        scale = self.euclidean.scale
        similarity = ssim_map(scale * pair.predicted, scale * pair.wanted)
        return mean_inside(1 - similarity, pair.shares)
