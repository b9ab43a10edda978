"""The density generator `perspective-aware`: widths by the density of the image's rows."""

from dataclasses import dataclass, replace
from math import inf, nan
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.density import GaussianGenerator, place_gaussians
from crowdkit_core.density.gaussians import require_points
from crowdkit_core.errors import DataError, OptionsError, UsageError
from crowdkit_core.interfaces import Dataset, Size

Threshold = float | Literal["row-mean"]
PerspectivePreset = Literal["shanghaitech-a", "reference"]


def effective_density(
    prior: Float[Tensor, "H W"], threshold: Threshold = "row-mean"
) -> Float[Tensor, " H"]:
    """Density of the dense part of each row.

    D(i) of Gu and Liu, arXiv 2006.07755, eq. 2 and 3: the mean of those values of a row that are
    above the threshold, where the printed Dirac delta is an indicator. A row without any, such as
    one of equal values, has the mean of all its values.

    Args:
        prior: Persons per pixel.
        threshold: ``row-mean``: the mean of the row. Or persons per pixel, the same for all.

    Returns:
        (H,) persons per pixel.

    Example:
        >>> effective_density(torch.tensor([[0.0, 0.0, 2.0, 4.0], [1.0, 1.0, 1.0, 1.0]])).tolist()
        [3.0, 1.0]
    """
    means = prior.mean(1)
    dense = prior > (means[:, None] if threshold == "row-mean" else threshold)
    numbers = dense.sum(1)
    return torch.where(numbers > 0, (prior * dense).sum(1) / numbers.clamp_min(1), means)


def widths_by_density(
    densities: Float[Tensor, " N"], d_min: float, d_max: float, sigma_min: float, sigma_max: float
) -> Float[Tensor, " N"]:
    """The line in 1 / D through (1 / d_max, sigma_min) and (1 / d_min, sigma_max).

    Eq. 4 to 6 of the paper, alpha / D + beta; its text names the two ends the other way round.

    Args:
        densities: D, effective densities.
        d_min: Of the sparsest row.
        d_max: Of the densest row, greater than ``d_min``.
        sigma_min: Width at ``d_max``.
        sigma_max: Width at ``d_min``.

    Returns:
        (N,) in the unit of the given widths, beyond the two ends too; infinite where D is 0 unless
        the widths are one.

    Example:
        >>> widths_by_density(torch.tensor([0.01, 0.0002]), 0.0001, 0.01, 2.5, 25.0).tolist()
        [2.5, 13.636363983154297]
    """
    if sigma_min == sigma_max:
        return torch.full_like(densities, sigma_min)
    share = (1 / densities - 1 / d_max) / (1 / d_min - 1 / d_max)
    return sigma_min + (sigma_max - sigma_min) * share


@dataclass(frozen=True, slots=True)
class _Rule:
    d_min: float | None = None
    d_max: float | None = None
    sigma_min: float = 2.5
    sigma_max: float = 25.0
    clamp: bool = True


_PRESETS: dict[PerspectivePreset, _Rule] = {
    "shanghaitech-a": _Rule(d_min=1.25e-4, d_max=1e-2),
    "reference": _Rule(d_min=1.25e-4, d_max=1e-2, sigma_max=20.0, clamp=False),
}


class PerspectiveAware(GaussianGenerator):
    """A Gaussian whose width follows from how dense the crowd is on the point's row.

    Gu and Liu, Recurrent Distillation based Crowd Counting (arXiv 2006.07755), section III-B.
    People on one row are about equally far from the camera and so equally large. A prior map, a
    wide Gaussian at every point, gives each row its `effective_density` D; sigma is the line in
    1 / D that is ``sigma_min`` on the densest row of the training set and ``sigma_max`` on the
    sparsest (`widths_by_density`). A point is as wide as its row. Rows are those of the whole
    image (`measure`); crops and resizes carry the widths along.

    The ends of the line, D_min and D_max, are what `fit` finds on rows that hold a point (over
    all rows D_min would be 0), or what ``d_min`` and ``d_max`` say. They are kept in a buffer, so
    that they are saved and resumed with a training. Before either, there are no widths: asking
    for them is an error.

    Presets: ``shanghaitech-a``, the ends that the authors' script has for that data set;
    ``reference``, the script's own line: the same ends, sigma 20 at the sparser one, and not
    clamped. An option that is given wins over the preset's. Here a Gaussian of the prior has all
    its mass inside the image, where the script reflects it at the border, and every point counts,
    where the script takes several in one pixel for one.

    Args:
        preset: Published values for the ends, ``sigma_max`` and ``clamp``.
        sigma_min: Width in pixels at D_max; 2.5 without a preset.
        sigma_max: Width in pixels at D_min; 25 without a preset. The paper's G(sigma_max), which
            its stages of distillation lower to 20, 10 and 5.
        d_min: Effective density of the sparsest row, persons per pixel; None to find it by `fit`.
        d_max: Effective density of the densest row; None to find it by `fit`.
        clamp: Whether widths stay between ``sigma_min`` and ``sigma_max`` beyond the ends of the
            line; True without a preset. Otherwise they only stay at least 0.
        threshold: What a pixel of the prior exceeds to belong to the dense part of its row:
            ``row-mean``, as in the authors' script, or persons per pixel. The paper names no value.
        prior_sigma: Width in pixels of the prior's Gaussians.

    Raises:
        OptionsError: A value out of its range.

    Example:
        >>> import torch
        >>> generator = PerspectiveAware(preset="shanghaitech-a")
        >>> near_and_far = torch.tensor([[60.0, 110.0], [60.0, 10.0], [70.0, 10.0], [80.0, 10.0]])
        >>> [round(sigma, 1) for sigma in generator.sigmas(near_and_far, (120, 160)).tolist()]
        [11.8, 5.5, 5.5, 5.5]
    """

    ends: Tensor

    def __init__(
        self,
        *,
        preset: PerspectivePreset | None = None,
        sigma_min: float | None = None,
        sigma_max: float | None = None,
        d_min: float | None = None,
        d_max: float | None = None,
        clamp: bool | None = None,
        threshold: Threshold = "row-mean",
        prior_sigma: float = 25.0,
    ) -> None:
        given = {
            "sigma_min": sigma_min,
            "sigma_max": sigma_max,
            "d_min": d_min,
            "d_max": d_max,
            "clamp": clamp,
        }
        chosen = {name: value for name, value in given.items() if value is not None}
        rule = replace(_PRESETS[preset] if preset else _Rule(), **chosen)  # type: ignore[arg-type]  # by name, above
        super().__init__()
        self.rule = rule
        self.threshold: Threshold = threshold
        self.prior_sigma = prior_sigma
        self._check()
        known = [nan if end is None else end for end in (rule.d_min, rule.d_max)]
        self.register_buffer("ends", torch.tensor(known))

    def _check(self) -> None:
        rule = self.rule
        if not 0 <= rule.sigma_min <= rule.sigma_max < inf:
            raise OptionsError(
                f"sigma_min {rule.sigma_min} and sigma_max {rule.sigma_max},"
                " expected 0 <= sigma_min <= sigma_max"
            )
        ends = [end for end in (rule.d_min, rule.d_max) if end is not None]
        if not all(0 < end < inf for end in ends) or ends != sorted(set(ends)):
            raise OptionsError(
                f"d_min {rule.d_min} and d_max {rule.d_max}, expected 0 < d_min < d_max"
            )
        if self.threshold != "row-mean" and not 0 <= self.threshold < inf:
            raise OptionsError(
                f"threshold is {self.threshold}, expected 'row-mean' or persons per pixel >= 0"
            )
        if not 0 < self.prior_sigma < inf:
            raise OptionsError(f"prior_sigma is {self.prior_sigma}, must be positive")

    @torch.no_grad()
    def fit(self, dataset: Dataset) -> None:
        """Find D_min and D_max, unless options say them, on the rows that hold a point.

        Raises:
            DataError: No two rows differ: the ends would be one.
        """
        rule = self.rule
        if rule.d_min is not None and rule.d_max is not None:
            return
        least, greatest = inf, 0.0
        for index in range(len(dataset)):
            each = dataset.annotation(index)
            if len(each.points):
                low, high = self._densities(each.points, each.size).aminmax()
                least, greatest = min(least, low.item()), max(greatest, high.item())
        d_min = least if rule.d_min is None else rule.d_min
        d_max = greatest if rule.d_max is None else rule.d_max
        if not d_min < d_max:
            raise DataError(
                f"{self.label} finds rows from {least:g} to {greatest:g} persons per pixel in the"
                f" {len(dataset)} images of split {dataset.split!r}: no d_min < d_max",
                hint="give d_min and d_max, or preset = 'shanghaitech-a'",
            )
        self.ends.copy_(torch.tensor([d_min, d_max]))

    def sigmas(self, points: Float[Tensor, "N 2"], size: Size) -> Float[Tensor, " N"]:
        """Widths in pixels, see `GaussianGenerator.sigmas`.

        Raises:
            UsageError: Neither `fit` nor options have said what D_min and D_max are.
            CrowdkitError: As `place_gaussians`.
        """
        return self._widths(self._densities(points, size))

    def measure(self, points: Float[Tensor, "N 2"], size: Size) -> dict[str, Tensor]:
        """Widths of the whole image's points, as ``sigma``."""
        return {"sigma": self.sigmas(points, size)}

    def details(
        self,
        points: Float[Tensor, "N 2"],
        size: Size,
        *,
        stride: int = 1,
        sigmas: Float[Tensor, " N"] | None = None,  # noqa: ARG002  # rows have widths, not points
        images: Float[Tensor, "1 3 H W"] | None = None,  # noqa: ARG002  # looks at points only
    ) -> dict[str, Tensor]:
        """The prior map (paper, figure 2 b), and every row's effective density and width.

        A row that nobody is near has the effective density 0, and ``sigma_max`` or, without
        ``clamp``, an infinite width.

        Returns:
            ``prior``: (h, w) persons per cell; ``effective density``: (H,) persons per pixel;
            ``sigma``: (H,) pixels.
        """
        prior = place_gaussians(points, self.prior_sigma, size, stride=stride)
        rows = torch.arange(size[0], device=points.device, dtype=prior.dtype) + 0.5
        middles = torch.stack([torch.zeros_like(rows), rows], dim=1)
        densities = self._densities_at(middles, points, size)
        return {
            "prior": prior,
            "effective density": densities,
            "sigma": self._widths(densities),
        }

    def _densities(self, points: Tensor, size: Size) -> Tensor:
        """(N,) effective density of each point's row."""
        return self._densities_at(points, points, size)

    def _densities_at(self, places: Tensor, points: Tensor, size: Size) -> Tensor:
        """(P,) effective density of each place's row."""
        require_points([points])
        prior = place_gaussians(points, self.prior_sigma, size)
        rows = places[:, 1].floor().long().clamp(0, size[0] - 1)
        return effective_density(prior, self.threshold)[rows]

    def _widths(self, densities: Tensor) -> Tensor:
        d_min, d_max = self.ends.tolist()
        if not d_min < d_max:
            raise UsageError(
                f"{self.label} does not know the least and greatest effective density",
                hint="call fit(dataset), or give d_min and d_max, or preset = 'shanghaitech-a'",
            )
        rule = self.rule
        widths = widths_by_density(densities, d_min, d_max, rule.sigma_min, rule.sigma_max)
        limits = (rule.sigma_min, rule.sigma_max) if rule.clamp else (0.0, inf)
        return widths.clamp(*limits)
