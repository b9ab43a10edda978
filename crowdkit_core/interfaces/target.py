"""What a loss compares a prediction with."""

from collections.abc import Sequence
from typing import Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.interfaces.density_generator import DensityGenerator
from crowdkit_core.interfaces.points import points_inside
from crowdkit_core.interfaces.prediction import cell_shares
from crowdkit_core.interfaces.samples import Batch, Lengths, Size


class Target:
    """The people of a batch: points, counts, and density maps made on demand.

    Only people inside the region of interest are in it. Maps are made lazily by the density
    generator, once per stride. Padding changes nothing: a padded image has the map it would have
    alone, and zeros beyond.

    Args:
        points: Per image (N, 2) pixels.
        size: (H, W) of the padded batch.
        density_generator: Makes the maps.
        roi: (B, H, W) bool, also False on padding; None for everywhere.
        sizes: (H, W) of each image before padding; None where nothing is padded.
        lengths: Per image the per-point lengths that components measured.
        images: (B, 3, H, W), for generators that look at them.

    Attributes:
        points: Per image, the points inside the region.
        lengths: Per image, their lengths.
    """

    def __init__(
        self,
        points: Sequence[Float[Tensor, "N 2"]],
        size: Size,
        density_generator: DensityGenerator,
        *,
        roi: Bool[Tensor, "B H W"] | None = None,
        sizes: Sequence[Size] | None = None,
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
        self.sizes = tuple(sizes) if sizes is not None else (size,) * len(self.points)
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
            sizes=batch.sizes,
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
        """Share of each cell, of its part inside the image, that lies inside the region.

        None where there is no region.
        """
        if self.roi is None or not self._is_padded:
            return None if self.roi is None else cell_shares(self.roi, stride)
        frames = cell_shares(self._frames(self.roi.device), stride)
        return cell_shares(self.roi, stride) / frames.where(frames > 0, 1.0)

    @property
    def _is_padded(self) -> bool:
        return any(size != self.size for size in self.sizes)

    def _frames(self, device: torch.device) -> Tensor:
        """(B, H, W) True on each image's own pixels."""
        sizes = torch.tensor(self.sizes, device=device)
        rows, columns = (torch.arange(side, device=device) for side in self.size)
        return (rows < sizes[:, :1])[:, :, None] & (columns < sizes[:, 1:])[:, None]

    def _generated(self, images: slice, size: Size, stride: int) -> Tensor:
        lengths = self.lengths[images]
        measured = all("sigma" in each for each in lengths)
        density: Tensor = self.density_generator(
            self.points[images],
            size,
            stride=stride,
            sigmas=[each["sigma"] for each in lengths] if measured else None,
            images=None if self.images is None else self.images[images, :, : size[0], : size[1]],
        )
        cells = [-(-side // stride) for side in self.size]
        return F.pad(density, (0, cells[1] - density.shape[-1], 0, cells[0] - density.shape[-2]))

    def _make_density(self, stride: int) -> Tensor:
        if self._is_padded:
            alone = [
                self._generated(slice(i, i + 1), size, stride) for i, size in enumerate(self.sizes)
            ]
            density = torch.cat(alone)
        else:
            density = self._generated(slice(None), self.size, stride)
        shares = self.shares(stride)
        if shares is None:
            return density
        kept = density * shares
        whole, rest = density.sum((1, 2, 3), keepdim=True), kept.sum((1, 2, 3), keepdim=True)
        return kept * torch.where(rest > 0, whole / rest.clamp_min(1e-12), 1.0)
