"""Base class of density generators that place one Gaussian per point."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.density.gaussians import Convention, place_gaussians_batch
from crowdkit_core.interfaces import DensityGenerator, Size


class GaussianGenerator(DensityGenerator):
    """Base of the hand-made generators: a subclass only says how wide each point's Gaussian is.

    Args:
        convention: What sigma means, see `place_gaussians`.
        truncate: Standard deviations after which a Gaussian is cut off.
        window: Side in pixels of the square outside which it is cut off, instead.
    """

    def __init__(
        self,
        *,
        convention: Convention = "standard",
        truncate: float = 4.0,
        window: int | None = None,
    ) -> None:
        super().__init__()
        self.convention = convention
        self.truncate = truncate
        self.window = window

    @abstractmethod
    def sigmas(self, points: Float[Tensor, "N 2"], size: Size) -> Float[Tensor, " N"]:
        """Width of each point's Gaussian.

        Args:
            points: (N, 2) pixels; N may be 0.
            size: (H, W) of the image in pixels.

        Returns:
            (N,) pixels.
        """

    def sigmas_of_images(
        self, points: Sequence[Float[Tensor, "_ 2"]], sizes: Sequence[Size]
    ) -> list[Float[Tensor, " _"]]:
        """`sigmas` of many images; for a generator that is faster on all of them at once."""
        return [self.sigmas(xy, size) for xy, size in zip(points, sizes, strict=True)]

    def maps(
        self,
        points: Sequence[Float[Tensor, "_ 2"]],
        sizes: Sequence[Size],
        *,
        stride: int = 1,
        sigmas: Sequence[Float[Tensor, " _"]] | None = None,
    ) -> list[Float[Tensor, "_ _"]]:
        """Density maps of images of different sizes, together.

        Args:
            points: Per image (N, 2) pixels.
            sizes: Per image (H, W) in pixels.
            stride: Pixels per cell side.
            sigmas: Per image (N,) pixels; found from the points when None.

        Returns:
            Per image (ceil(H / stride), ceil(W / stride)) persons per cell.

        Raises:
            CrowdkitError: As `place_gaussians_batch`.
        """
        return place_gaussians_batch(
            points,
            self.sigmas_of_images(points, sizes) if sigmas is None else sigmas,
            sizes,
            stride=stride,
            convention=self.convention,
            truncate=self.truncate,
            window=self.window,
        )

    def forward(
        self,
        points: Sequence[Float[Tensor, "_ 2"]],
        size: Size,
        *,
        stride: int = 1,
        sigmas: Sequence[Float[Tensor, " _"]] | None = None,
        images: Float[Tensor, "B 3 H W"] | None = None,  # noqa: ARG002  # looks at points only
    ) -> Float[Tensor, "B 1 h w"]:
        """Density maps of a batch, see `DensityGenerator.forward`."""
        maps = self.maps(points, [size] * len(points), stride=stride, sigmas=sigmas)
        return torch.stack(maps).unsqueeze(1)
