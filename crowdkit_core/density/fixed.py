"""The density generator `fixed`: Gaussians of one width."""

from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.density.gaussians import Convention
from crowdkit_core.density.generator import GaussianGenerator
from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Size


class Fixed(GaussianGenerator):
    """A Gaussian of one width for every point.

    The width is in the pixels the network sees: resizing an image does not change it.

    Args:
        sigma: Width in pixels.
        window: Side in pixels of the square outside which the Gaussian is cut off; None cuts it
            off after ``truncate`` standard deviations.
        truncate: Used without a window.
        convention: What sigma means, see `place_gaussians`.

    Raises:
        UsageError: ``sigma`` is negative or not finite.

    Example:
        >>> import torch
        >>> Fixed(sigma=4.0)([torch.tensor([[3.0, 2.0]])], (8, 8), stride=8).tolist()
        [[[[1.0]]]]
    """

    def __init__(
        self,
        *,
        sigma: float = 4.0,
        window: int | None = None,
        truncate: float = 4.0,
        convention: Convention = "standard",
    ) -> None:
        super().__init__(convention=convention, truncate=truncate, window=window)
        self.sigma = sigma
        if not 0 <= self.sigma < inf:
            raise UsageError(f"fixed has sigma {self.sigma}, expected a finite width of at least 0")

    def sigmas(self, points: Float[Tensor, "N 2"], size: Size) -> Float[Tensor, " N"]:  # noqa: ARG002
        """The same width for every point, see `GaussianGenerator.sigmas`."""
        return torch.full_like(points[:, 0], self.sigma)
