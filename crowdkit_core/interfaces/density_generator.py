"""The density generator contract: points in, a density map out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from crowdkit_core.interfaces.dataset import Dataset
from crowdkit_core.interfaces.origin import Component
from crowdkit_core.interfaces.samples import Size
from crowdkit_core.interfaces.weighted import Weighted


class DensityGenerator(Weighted, Component, ABC):
    """Makes the density map that dot annotations stand for.

    Attributes:
        preserves_count: Every map sums to the number of its points, exactly. A learnable
            generator only learns to, and says False.
        strides: The strides it can produce; None for any.
    """

    kind: ClassVar[str] = "density generator"

    preserves_count: bool = True
    strides: frozenset[int] | None = None

    @abstractmethod
    def forward(
        self,
        points: Sequence[Float[Tensor, "N 2"]],
        size: Size,
        *,
        stride: int = 1,
        sigmas: Sequence[Float[Tensor, " N"]] | None = None,
        images: Float[Tensor, "B 3 H W"] | None = None,
    ) -> Float[Tensor, "B 1 h w"]:
        """Density maps of a batch, in persons per cell.

        Args:
            points: Per image (N, 2) pixels, corner convention; N may be 0.
            size: (H, W) of the images.
            stride: Pixels per cell side.
            sigmas: Per image (N,) what `measure` found on the whole image under ``sigma``; when
                None, a generator that needs it measures the points it is given.
            images: The images, for generators that look at them.
        """

    def fit(self, dataset: Dataset) -> None:
        """Learn statistics of a training set (annotations only); nothing by default."""

    def measure(self, points: Float[Tensor, "N 2"], size: Size) -> Mapping[str, Tensor]:
        """Per-point lengths in pixels that must be taken on the whole, untransformed image.

        Transforms carry them along: a crop selects, a resize scales. A width that depends on
        neighbours or on the row belongs here; a width fixed in network pixels does not.

        Returns:
            Named (N,) lengths; ``sigma`` comes back to ``forward`` as ``sigmas``. Empty by
            default.
        """
        return {}

    def penalty(
        self,
        density: Float[Tensor, "B 1 h w"],
        points: Sequence[Float[Tensor, "N 2"]],
        size: Size,
        *,
        stride: int,
        sigmas: Sequence[Float[Tensor, " N"]] | None = None,
    ) -> Tensor | None:
        """Penalty of a learnable generator for a map it made; None (no penalty) by default.

        Args:
            density: What ``forward`` returned for these points.
            points: As given to ``forward``.
            size: As given to ``forward``.
            stride: As given to ``forward``.
            sigmas: As given to ``forward``.

        Returns:
            A scalar, the mean over the batch, or None.
        """
        return None

    def details(
        self,
        points: Float[Tensor, "N 2"],
        size: Size,
        *,
        stride: int = 1,
        sigmas: Float[Tensor, " N"] | None = None,
        images: Float[Tensor, "1 3 H W"] | None = None,
    ) -> Mapping[str, Tensor]:
        """Intermediate maps of one image's density map, for `crowdkit density` to draw.

        Args:
            points: (N, 2) pixels.
            size: (H, W) of the image.
            stride: As given to ``forward``.
            sigmas: (N,) what `measure` found, as given to ``forward``.
            images: The image, for generators that look at it.

        Returns:
            By name: (h, w) maps at any stride, (C, h, w) stacks of them, and (R,) values of rows,
            top to bottom. Nothing by default.
        """
        return {}
