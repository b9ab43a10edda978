"""The density generator `geometry-adaptive`: Gaussians as wide as neighbours are far."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, repeat
from math import inf, nan
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from crowdkit_core.density.gaussians import Convention, require_points
from crowdkit_core.density.generator import GaussianGenerator
from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Size

FewPoints = Literal["neighbours", "image-size"]


class GeometryAdaptive(GaussianGenerator):
    """A Gaussian as wide as ``beta`` times the mean distance to the ``k`` nearest other points.

    The rule of MCNN (Zhang et al., CVPR 2016, section 2.2). Widths are measured on the whole
    image (`measure`); crops and resizes carry them along. Duplicate points are all kept: a
    distance of 0 counts, and ``min_sigma`` keeps the width positive.

    Args:
        k: How many neighbours, at least 1.
        beta: Width per mean distance, positive.
        min_sigma: Least width in pixels; papers name none.
        max_sigma: Greatest width in pixels; ``inf`` for no limit.
        few_points: Width, before the limits, where an image has few points. ``neighbours``
            averages over those there are, and a lone point has sigma (H + W) / 8, a quarter of the
            mean side, as CSRNet's code does. ``image-size`` gives every point of an image of
            k + 1 or fewer the distance min(min(H, W) / 8, 100), as DSSINet's code does.
        convention: What sigma means, see `place_gaussians`.
        truncate: Standard deviations after which a Gaussian is cut off.

    Raises:
        UsageError: An option out of its range.

    Example:
        >>> import torch
        >>> corners = torch.tensor([[0.0, 0.0], [0.0, 30.0], [40.0, 0.0]])
        >>> GeometryAdaptive(k=1).sigmas(corners, (64, 64)).tolist()
        [9.0, 9.0, 12.0]
    """

    def __init__(
        self,
        *,
        k: int = 3,
        beta: float = 0.3,
        min_sigma: float = 0.5,
        max_sigma: float = inf,
        few_points: FewPoints = "neighbours",
        convention: Convention = "standard",
        truncate: float = 4.0,
    ) -> None:
        if k < 1 or beta <= 0 or not 0 <= min_sigma <= max_sigma:
            raise UsageError(
                f"geometry-adaptive has k {k}, beta {beta} and sigma from {min_sigma} to"
                f" {max_sigma}, expected k >= 1, beta > 0 and 0 <= min_sigma <= max_sigma"
            )
        super().__init__(convention=convention, truncate=truncate)
        self.k = k
        self.beta = beta
        self.min_sigma = min_sigma
        self.max_sigma = max_sigma
        self.few_points = few_points

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
        if not points:
            return []
        require_points(points)
        xy = torch.cat(list(points))
        counts = [len(p) for p in points]
        image = torch.repeat_interleave(torch.tensor(counts), output_size=len(xy)).to(xy.device)
        averaged = xy.new_tensor([max(1, min(self.k, n - 1)) for n in counts])[image]
        near = torch.from_numpy(_nearest(xy.detach().cpu().double().numpy(), counts, self.k))
        place = torch.view_as_complex(xy)  # its abs is quicker than a norm, with gradients at 0
        others = place.index_select(0, near.flatten().to(xy.device)).view(-1, self.k)
        sigmas = self.beta * (others - place[:, None]).abs().sum(1) / averaged
        special = [self._sigma_of_few(n, s) for n, s in zip(counts, sizes, strict=True)]
        given = xy.new_tensor(special)[image]
        sigmas = torch.where(given.isnan(), sigmas, given)
        limited = sigmas.clamp(self.min_sigma, self.max_sigma)
        return list(torch.split(limited, counts))

    def _sigma_of_few(self, count: int, size: Size) -> float:
        """Width in an image of too few points to average over, or NaN where there are enough."""
        if self.few_points == "neighbours" and count == 1:
            return sum(size) / 8
        if self.few_points == "image-size" and count <= self.k + 1:
            return self.beta * min(min(size) / 8, 100)
        return nan

    def measure(self, points: Float[Tensor, "N 2"], size: Size) -> dict[str, Tensor]:
        """Widths of the whole image's points, as ``sigma``."""
        return {"sigma": self.sigmas(points, size)}


def _nearest(xy: NDArray[np.float64], counts: Sequence[int], k: int) -> NDArray[np.int64]:
    """(M, k) numbers of each point's nearest others in its own image.

    Where there are fewer than k others the point's own number stands in, at distance 0.

    Args:
        xy: (M, 2) points, image after image.
        counts: How many each image has.
        k: How many neighbours.
    """
    near = np.repeat(np.arange(len(xy))[:, None], k, axis=1)
    images = [slice(end - n, end) for n, end in zip(counts, accumulate(counts), strict=True)]
    threads = min(torch.get_num_threads(), len(images))
    if threads == 1:
        _look_up(xy, images, near)
    else:
        shares = [images[i::threads] for i in range(threads)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_look_up, repeat(xy), shares, repeat(near)))
    return near


def _look_up(xy: NDArray[np.float64], images: Sequence[slice], near: NDArray[np.int64]) -> None:
    """Fill in ``near`` for some of the images."""
    for image in images:
        others = min(near.shape[1], image.stop - image.start - 1)
        if others > 0:
            # Quicker to build than a balanced, compact tree, and no slower to ask.
            tree = cKDTree(xy[image], leafsize=12, balanced_tree=False, compact_nodes=False)
            found = tree.query(xy[image], k=others + 1)[1][:, 1:]
            np.add(found, image.start, out=near[image, :others])
