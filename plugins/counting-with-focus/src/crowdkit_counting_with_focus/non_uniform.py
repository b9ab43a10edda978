"""The density generator `non-uniform`: widths averaged over each point's surroundings."""

from collections.abc import Iterator, Sequence
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.density import GaussianGenerator, GeometryAdaptive
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Size

_PAIRS_AT_ONCE = 2**21  # of points compared in one go, so that they stay in cache


def window_means(
    values: Float[Tensor, " N"],
    points: Float[Tensor, "N 2"],
    reach: tuple[float, float],
) -> Float[Tensor, " N"]:
    """For each point the mean value of all points strictly inside the window round it.

    Args:
        values: Of the points.
        points: (N, 2) pixels (x, y).
        reach: Half the window's height and half its width in pixels.

    Returns:
        (N,) means, in which a point's own value counts.

    Example:
        >>> points = torch.tensor([[0.0, 0.0], [4.0, 0.0], [8.0, 0.0]])
        >>> window_means(torch.tensor([1.0, 2.0, 9.0]), points, (1.0, 5.0)).tolist()
        [1.5, 4.0, 5.5]
    """
    y, order = points[:, 1].sort()
    x, sorted_values = points[order, 0], values[order]
    means = torch.empty_like(values)
    for some, near in _blocks(y.detach(), reach[0]):
        inside = (x[some, None] - x[near]).abs() < reach[1]
        inside &= (y[some, None] - y[near]).abs() < reach[0]
        members = inside.to(values.dtype)
        means[order[some]] = members @ sorted_values[near] / members.sum(1)
    return means


def _blocks(y: Tensor, reach: float) -> Iterator[tuple[slice, slice]]:
    """Consecutive points, and the points that may be within reach of them; ``y`` ascends."""
    first = torch.searchsorted(y, y - reach).tolist()
    stop = torch.searchsorted(y, y + reach, right=True).tolist()
    begin = 0
    while begin < len(y):
        end = begin + 1
        while end < len(y) and (end + 1 - begin) * (stop[end] - first[begin]) <= _PAIRS_AT_ONCE:
            end += 1
        yield slice(begin, end), slice(first[begin], stop[end - 1])
        begin = end


class NonUniform(GaussianGenerator):
    """A geometry-adaptive Gaussian whose width is averaged over the point's surroundings.

    The kernel of Shi, Mettes and Snoek, Counting with Focus for Free (ICCV 2019), as their code
    has it. First, s is ``beta`` times the mean of a point's ``k`` least distances to points of
    the image, itself, at distance 0, among them. Then its sigma is the mean s of all points
    closer than ``reach`` of the image's sides, in x and in y. So no lone point within a
    crowd is given a Gaussian wider than the crowd's.

    Widths are measured on the whole image (`measure`); crops and resizes carry them along. Where
    there are fewer than ``k`` points, s is as if all distances were the mean of those to the
    others there are, and a lone point has sigma (H + W) / 8; the code has no rule for either. On
    ShanghaiTech B it uses `Fixed` with sigma 5 and on DCC with sigma 10 instead.

    Args:
        k: How many distances, at least 2.
        beta: Width per mean distance, positive.
        reach: Half the sides of a point's surroundings, as a share of the image's; 1 / 16.
        min_sigma: Least width in pixels, for duplicate points; the code has none.
        truncate: Standard deviations after which a Gaussian is cut off. The code computes each
            over the whole image; 1.2e-6 of its mass is outside 5.

    Raises:
        OptionsError: A value out of its range.

    Example:
        >>> points = torch.tensor([[x, 20.0] for x in (10.0, 20.0, 30.0, 40.0, 400.0)])
        >>> NonUniform(k=2, beta=0.25).sigmas(points, (320, 640)).tolist()
        [1.25, 1.25, 1.25, 1.25, 45.0]
    """

    def __init__(
        self,
        *,
        k: int = 5,
        beta: float = 0.3,
        reach: float = 0.0625,
        min_sigma: float = 0.5,
        truncate: float = 5.0,
    ) -> None:
        if k < 2:
            raise OptionsError(
                f"k is {k}, must be at least 2: a point's own distance is among them"
            )
        for name, value in (("beta", beta), ("reach", reach)):
            if not 0 < value < inf:
                raise OptionsError(f"{name} is {value}, must be positive")
        if not 0 <= min_sigma < inf:
            raise OptionsError(f"min_sigma is {min_sigma}, must be at least 0")
        super().__init__(truncate=truncate)
        # The distance to itself adds nothing to the sum of k.
        self.adaptive = GeometryAdaptive(k=k - 1, beta=beta * (k - 1) / k, min_sigma=0.0)
        self.reach = reach
        self.min_sigma = min_sigma

    def sigmas(self, points: Float[Tensor, "N 2"], size: Size) -> Float[Tensor, " N"]:
        """Widths in pixels, see `GaussianGenerator.sigmas`; differentiable in ``points``."""
        return self.sigmas_of_images([points], [size])[0]

    def sigmas_of_images(
        self, points: Sequence[Float[Tensor, "_ 2"]], sizes: Sequence[Size]
    ) -> list[Float[Tensor, " _"]]:
        """Widths in many images together, see `sigmas`.

        Raises:
            ShapeError: Points that are not (N, 2).
            DataError: A point is not finite.
        """
        own = self.adaptive.sigmas_of_images(points, sizes)
        return [
            window_means(s, xy, (self.reach * height, self.reach * width)).clamp_min(self.min_sigma)
            for s, xy, (height, width) in zip(own, points, sizes, strict=True)
        ]

    def measure(self, points: Float[Tensor, "N 2"], size: Size) -> dict[str, Tensor]:
        """Widths of the whole image's points, as ``sigma``."""
        return {"sigma": self.sigmas(points, size)}
