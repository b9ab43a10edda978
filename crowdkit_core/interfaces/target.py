"""What a loss compares a prediction with."""

from collections.abc import Sequence
from typing import Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from crowdkit_core.interfaces.density_generator import DensityGenerator
from crowdkit_core.interfaces.points import points_inside
from crowdkit_core.interfaces.prediction import cell_shares
from crowdkit_core.interfaces.samples import Batch, Lengths, Size


class Target:
    """The people of a batch: points, counts, and density maps made on demand.

    Only people inside the region of interest are in it. Maps are made lazily by the density
    generator, once per stride.

    Args:
        points: Per image (N, 2) pixels.
        size: (H, W) of the padded batch.
        density_generator: Makes the maps.
        roi: (B, H, W) bool, or None for everywhere.
        lengths: Per image the per-point lengths that components measured.
        images: (B, 3, H, W), for generators that look at them.

    Attributes:
        points: Per image, the points inside the region.
        lengths: Per image, their lengths.
        count: (B,) number of points inside the region.
    """

    def __init__(
        self,
        points: Sequence[Float[Tensor, "N 2"]],
        size: Size,
        density_generator: DensityGenerator,
        *,
        roi: Bool[Tensor, "B H W"] | None = None,
        lengths: Sequence[Lengths] | None = None,
        images: Float[Tensor, "B 3 H W"] | None = None,
    ) -> None:
        lengths = lengths or [{} for _ in points]
        inside = [points_inside(p, None if roi is None else roi[i]) for i, p in enumerate(points)]
        self.points = tuple(p[keep] for p, keep in zip(points, inside, strict=True))
        self.lengths: tuple[Lengths, ...] = tuple(
            {name: values[keep] for name, values in each.items()}
            for each, keep in zip(lengths, inside, strict=True)
        )
        self.size = size
        self.roi = roi
        self.images = images
        self.density_generator = density_generator
        self._densities: dict[int, Tensor] = {}

    @classmethod
    def from_batch(cls, batch: Batch, density_generator: DensityGenerator) -> Self:
        """The target of a batch."""
        return cls(
            batch.points,
            batch.size,
            density_generator,
            roi=batch.roi,
            lengths=batch.lengths,
            images=batch.images,
        )

    @property
    def count(self) -> Float[Tensor, " B"]:
        """(B,) number of people inside the region."""
        device = self.points[0].device if self.points else None
        return torch.tensor([float(len(p)) for p in self.points], device=device)

    def density(self, stride: int = 1) -> Float[Tensor, "B 1 h w"]:
        """Density maps at a stride, in persons per cell.

        With a region the map is cut to it and each image's cut-off mass is given back, so that
        the sum stays the generator's.
        """
        if stride not in self._densities:
            # Mixed precision would round the mass of every point.
            with torch.autocast(self.count.device.type, enabled=False):
                self._densities[stride] = self._make_density(stride)
        return self._densities[stride]

    def shares(self, stride: int = 1) -> Float[Tensor, "B 1 h w"] | None:
        """Share of each cell inside the region, or None where there is no region."""
        return None if self.roi is None else cell_shares(self.roi, stride)

    def _make_density(self, stride: int) -> Tensor:
        measured = all("sigma" in each for each in self.lengths)
        density: Tensor = self.density_generator(
            self.points,
            self.size,
            stride=stride,
            sigmas=[each["sigma"] for each in self.lengths] if measured else None,
            images=self.images,
        )
        shares = self.shares(stride)
        if shares is None:
            return density
        kept = density * shares
        whole, rest = density.sum((1, 2, 3), keepdim=True), kept.sum((1, 2, 3), keepdim=True)
        return kept * torch.where(rest > 0, whole / rest.clamp_min(1e-12), 1.0)
