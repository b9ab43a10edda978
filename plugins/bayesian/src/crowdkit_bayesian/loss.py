"""The loss `bayesian`: each annotated person's share of the predicted density."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from crowdkit_core.density import GeometryAdaptive
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Lengths, Loss, LossTerms, Prediction, Size, Target
from crowdkit_core.losses import densities_inside
from crowdkit_core.precision import without_autocast

_BOX = "bayesian_box"
_MARGIN = "bayesian_margin"
_BOXES = GeometryAdaptive(k=3, beta=1.0, min_sigma=4.0, max_sigma=128.0)
_LEAST_FRACTION = 0.3
_CHUNK = 1_000_000
"""Posterior probabilities held at once."""


def visible_fractions(
    points: Float[Tensor, "N 2"], sides: Float[Tensor, " N"], size: Size
) -> Float[Tensor, " N"]:
    """Fraction of a square around each point that lies inside the image.

    Args:
        points: (N, 2) pixels.
        sides: (N,) side of each square in pixels, positive.
        size: (H, W) of the image in pixels.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.0, 0.0], [20.0, 2.0]])
        >>> visible_fractions(points, torch.tensor([8.0, 8.0]), (32, 32)).tolist()
        [0.25, 0.75]
    """
    half = sides[:, None] / 2
    frame = points.new_tensor([size[1], size[0]])
    low, high = (points - half).clamp_min(0), (points + half).minimum(frame)
    return (high - low).clamp_min(0).prod(1) / sides.square()


def expected_counts(
    density: Float[Tensor, "h w"],
    points: Float[Tensor, "N 2"],
    *,
    stride: int = 1,
    sigma: float = 8.0,
    margin: float | None = None,
) -> Float[Tensor, " M"]:
    """People that the posterior assigns to each point: E[c_n] = sum over cells p(n | x) D(x).

    p(. | x) is the softmax over points of -d^2 / (2 sigma^2), d the distance of the point from
    the centre of cell x. It is made for a few rows of cells at a time and made again for the
    gradient, so memory does not grow with points times cells.

    Args:
        density: (h, w) persons per cell.
        points: (N, 2) pixels, at least one.
        stride: Pixels per cell side.
        sigma: Pixels.
        margin: Adds a background at the distance d = margin / d_n, d_n that of the nearest point
            in pixels: it is the likelier owner of a cell further than sqrt(margin) from everyone.
            None for no background.

    Returns:
        (N,) people; (N + 1,) with a background, which comes last. Their sum is the density's.

    Example:
        >>> import torch
        >>> points = torch.tensor([[16.0, 16.0], [240.0, 16.0]])
        >>> expected_counts(torch.ones(1, 8), points, stride=32).tolist()
        [4.0, 4.0]
    """
    height, width = density.shape
    rows, columns = (
        (torch.arange(cells, device=density.device, dtype=density.dtype) + 0.5) * stride
        for cells in (height, width)
    )
    points = points.to(density.dtype)

    def counts_of(strip: Tensor, centres: Tensor) -> Tensor:
        posterior, of_people = _posterior(points, centres, columns, sigma, margin)
        if of_people is None:
            return torch.einsum("rcn,rc->n", posterior, strip)
        counts = torch.einsum("rcn,rc->n", posterior, of_people * strip)
        return torch.cat([counts, ((1 - of_people) * strip).sum().reshape(1)])

    rows_at_once = max(1, _CHUNK // (width * len(points)))
    strips = zip(*(torch.split(each, rows_at_once) for each in (density, rows)), strict=True)
    counts: list[Tensor] = [
        checkpoint(counts_of, *strip, use_reentrant=False, preserve_rng_state=False)
        for strip in strips
    ]
    return torch.stack(counts).sum(0)


def _posterior(
    points: Tensor, rows: Tensor, columns: Tensor, sigma: float, margin: float | None
) -> tuple[Tensor, Tensor | None]:
    """(h, w, N) probability of each point to own a cell of somebody, (h, w) that it is one."""
    squared = (rows[:, None, None] - points[:, 1]).square()
    squared = squared + (columns[:, None] - points[:, 0]).square()
    posterior = torch.softmax(squared / (-2 * sigma**2), dim=-1)
    if margin is None:
        return posterior, None
    nearest = squared.amin(-1)
    background = margin**2 / (nearest + 1e-5)
    # The greatest posterior is the nearest point's: its likelihood over that of all people.
    people = (background - nearest) / (2 * sigma**2) - posterior.amax(-1).log()
    return posterior, torch.sigmoid(people)


class Bayesian(Loss):
    """Bayesian loss: every annotated person's expected count is 1, the background's 0.

    Ma et al., Bayesian Loss for Crowd Count Estimation with Point Supervision, ICCV 2019: the sum
    over people of ``|t_n - E[c_n]|``, see `expected_counts`. It needs no target map.

    As in the released code t_n is the fraction of a head that the image shows, the head taken for
    a square as wide as the mean distance to its three nearest neighbours on the whole image, from
    4 to 128 pixels (fewer neighbours: to those there are; none: an eighth of height plus width).
    People of whom less than 0.3 is visible are left out, and an image without people costs
    ``|sum of its density|``. Unlike there, a crop leaves out people whose point lies outside it.

    Args:
        background: Bayes+: what lies far from everyone belongs to a background that should count
            0; without it, to the nearest person.
        ratio: The background's margin (see `expected_counts`) as a fraction of the shorter side
            of the whole image: 1 in the released code, which advises 0.1 for ShanghaiTech A.
        sigma: Deviation of a person's likelihood in pixels.

    Raises:
        OptionsError: ``ratio`` or ``sigma`` is not positive.
    """

    def __init__(self, *, background: bool = True, ratio: float = 1.0, sigma: float = 8.0) -> None:
        super().__init__()
        if not (ratio > 0 and sigma > 0):
            raise OptionsError(f"ratio is {ratio} and sigma {sigma}, both must be positive")
        self.background = background
        self.ratio = ratio
        self.sigma = sigma

    def measure(self, points: Float[Tensor, "N 2"], size: Size) -> Mapping[str, Tensor]:
        """Sides of heads and the background's margin, which a crop does not tell."""
        return {
            _BOX: _BOXES.sigmas(points, size),
            _MARGIN: points.new_full((len(points),), self.ratio * min(size)),
        }

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The loss as one term, ``bayesian``.

        Where the target brings no measured lengths, its images are taken to be whole.
        """
        with without_autocast(target.count.device):
            densities, stride = densities_inside(prediction, target, self)
            images = zip(densities, target.points, target.lengths, target.sizes, strict=True)
            losses = [self._of_image(*image, stride) for image in images]
        return LossTerms.of(bayesian=torch.stack(losses).mean())

    def _of_image(
        self, density: Tensor, points: Tensor, lengths: Lengths, size: Size, stride: int
    ) -> Tensor:
        if _BOX not in lengths:
            lengths = self.measure(points, size)
        visible = visible_fractions(points, lengths[_BOX], size)
        kept = visible >= _LEAST_FRACTION
        if not kept.any():
            return density.sum().abs()
        margin = lengths[_MARGIN][0].item() if self.background else None
        counts = expected_counts(
            density, points[kept], stride=stride, sigma=self.sigma, margin=margin
        )
        wanted = visible[kept]
        error = (counts[: len(wanted)] - wanted).abs().sum()
        return error + counts[len(wanted) :].abs().sum()
