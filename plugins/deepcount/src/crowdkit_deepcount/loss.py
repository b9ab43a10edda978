"""The loss `deepcount`: absolute errors of the count and of every density map."""

from typing import Literal

from torch import Tensor

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Counter, Loss, LossTerms, Prediction, Target
from crowdkit_core.losses import absolute_error, maps_of_kind


class DeepCountLoss(Loss):
    """L1 over the count and all density maps of a counter, the count weighing ``beta`` times.

    Chen et al., arXiv 1908.03314, eq. 1 to 3: the sum over cells of every map and the absolute
    error of the count times ``beta``, the mean over the batch, halved, times ``omega``. The L2
    term of eq. 3 is the optimizer's ``weight_decay = 1e-5``.

    Fits any counter but those that count points, whose number has no slope: each of its maps of
    kind ``density`` is compared at its own stride, and without a map the count is all there is. A
    main map that is one of the named maps counts once. Under a region, the count of a map is what
    it shows inside; a direct count has to learn what is inside.

    Args:
        omega: Factor on everything.
        beta: Weight of the count.
        preset: ``paper`` halves the sum (eq. 1); ``reference``, the authors' code, does not.

    Raises:
        OptionsError: ``omega`` is not positive, or ``beta`` is negative.
    """

    needs = ()

    def __init__(
        self,
        *,
        omega: float = 1e-2,
        beta: float = 16.0,
        preset: Literal["paper", "reference"] = "paper",
    ) -> None:
        super().__init__()
        if not omega > 0:
            raise OptionsError(f"omega is {omega}, must be positive")
        if not beta >= 0:
            raise OptionsError(f"beta is {beta}, must be at least 0")
        self.scale = omega / 2 if preset == "paper" else omega
        self.beta = beta

    def missing(self, counter: Counter) -> list[str]:
        """Nothing if the counter gives a density map or regresses its count."""
        return [] if counter.learns_by_counts else ["a density map or a regressed count"]

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The loss as one term for the count and one for each map."""
        maps = {
            name: absolute_error(density, target.density(stride), shares=target.shares(stride))
            for name, (density, stride) in maps_of_kind(prediction, "density", self).items()
        }
        error = (_count_inside(prediction, target) - target.count).abs().mean()
        terms = {"count": self.beta * error, **maps}
        return LossTerms.of(**{name: self.scale * term for name, term in terms.items()})


def _count_inside(prediction: Prediction, target: Target) -> Tensor:
    if target.roi is None or prediction.direct_count:
        return prediction.count
    if prediction.density is None or prediction.stride is None:
        return prediction.count_inside(target.roi)  # says why it cannot
    # Shares of the cells' parts inside their images: a cell that padding completes is whole.
    shares = target.shares(prediction.stride)
    inside = prediction.density if shares is None else prediction.density * shares
    return inside.flatten(1).sum(1)
