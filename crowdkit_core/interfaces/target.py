"""The target a loss compares a prediction with."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.interfaces.density_generator import DensityGenerator
from crowdkit_core.interfaces.points import points_inside
from crowdkit_core.interfaces.prediction import cell_shares
from crowdkit_core.interfaces.samples import Batch, Lengths, Size
from crowdkit_core.precision import at_least_float32, without_autocast


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
        self.sizes = tuple(sizes) if sizes is not None else (size,) * len(points)
        regions = [
            None if roi is None else roi[index, :height, :width]  # a border is not padding's
            for index, (height, width) in enumerate(self.sizes)
        ]
        inside = [points_inside(p, region) for p, region in zip(points, regions, strict=True)]
        self.points = tuple(p[keep] for p, keep in zip(points, inside, strict=True))
        self.lengths: tuple[Lengths, ...] = tuple(
            {name: values[keep] for name, values in each.items()}
            for each, keep in zip(lengths, inside, strict=True)
        )
        self.size = size
        self.roi = roi
        self.images = images
        self.density_generator = density_generator
        self._generated: dict[int, Tensor] = {}
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
        the sum stays the generator's (roughly, where a learnable one makes negative cells).
        """
        if stride not in self._densities:
            self._generated[stride] = self._generate(stride)
            self._densities[stride] = self._inside(self._generated[stride], stride)
        return self._densities[stride]

    @property
    def strides(self) -> frozenset[int]:
        """The strides of the maps made so far."""
        return frozenset(self._densities)

    def penalty(self) -> Float[Tensor, ""] | None:
        """Penalty of the density generator for the maps made so far; None if it has none.

        Summed over strides; of a batch it is the mean over images, like a loss. Each map is judged
        as it was made, for the people inside the region and before it is cut to it, without
        padding.
        """
        paid = [self._penalty(stride) for stride in sorted(self.strides)]
        found = [each for each in paid if each is not None]
        return torch.stack(found).sum() if found else None

    def shares(self, stride: int = 1) -> Float[Tensor, "B 1 h w"] | None:
        """Share of each cell, of its part inside the image, that lies inside the region.

        None where there is no region.
        """
        if self.roi is None or not self._is_padded:
            return None if self.roi is None else cell_shares(self.roi, stride)
        frames = cell_shares(self._frames(self.roi.device), stride)
        return cell_shares(self.roi, stride) / frames.where(frames > 0, 1.0)

    def covers(self, places: Float[Tensor, "N 2"]) -> Bool[Tensor, "B N"]:
        """Whether each image has pixels of its region at places, such as reference points.

        Args:
            places: (N, 2) pixels, the same in every image.
        """
        frames = places.new_tensor(self.sizes).flip(1)[:, None]
        inside = ((places >= 0) & (places < frames)).all(-1)
        if self.roi is None:
            return inside
        judged = [points_inside(places, region) for region in self.roi]
        return inside & torch.stack(judged)

    @property
    def _is_padded(self) -> bool:
        return any(size != self.size for size in self.sizes)

    def _frames(self, device: torch.device) -> Tensor:
        """(B, H, W) True on each image's own pixels."""
        sizes = torch.tensor(self.sizes, device=device)
        rows, columns = (torch.arange(side, device=device) for side in self.size)
        return (rows < sizes[:, :1])[:, :, None] & (columns < sizes[:, 1:])[:, None]

    def _groups(self) -> list[tuple[slice, Size]]:
        """Images that the generator sees together, and their size; each alone if any is padded."""
        if not self._is_padded:
            return [(slice(None), self.size)]
        return [(slice(i, i + 1), size) for i, size in enumerate(self.sizes)]

    def _sigmas(self, images: slice) -> list[Tensor] | None:
        lengths = self.lengths[images]
        measured = all("sigma" in each for each in lengths)
        return [each["sigma"] for each in lengths] if measured else None

    def _generate(self, stride: int) -> Tensor:
        """The generator's maps, with zeros on padding and before they are cut to the region."""
        # Mixed precision would round the mass of every point; what is learned may be rounded.
        exact = self.density_generator.preserves_count
        with without_autocast(self.count.device) if exact else nullcontext():
            return torch.cat([self._generate_group(*group, stride) for group in self._groups()])

    def _generate_group(self, images: slice, size: Size, stride: int) -> Tensor:
        density: Tensor = self.density_generator(
            self.points[images],
            size,
            stride=stride,
            sigmas=self._sigmas(images),
            images=None if self.images is None else self.images[images, :, : size[0], : size[1]],
        )
        density = at_least_float32(density)
        cells = _cells(self.size, stride)
        return F.pad(density, (0, cells[1] - density.shape[-1], 0, cells[0] - density.shape[-2]))

    def _inside(self, density: Tensor, stride: int) -> Tensor:
        shares = self.shares(stride)
        if shares is None:
            return density
        kept = density * shares
        # Of magnitudes: a sum with negative cells may be next to nothing.
        whole, rest = (each.abs().sum((1, 2, 3), keepdim=True) for each in (density, kept))
        return kept * torch.where(rest > 0, whole / rest.clamp_min(1e-12), 1.0)

    def _penalty(self, stride: int) -> Tensor | None:
        """Of the maps of one stride."""
        with without_autocast(self.count.device):
            paid = [self._penalty_of_group(*group, stride) for group in self._groups()]
        found = [each for each in paid if each is not None]
        return torch.stack(found).mean() if found else None

    def _penalty_of_group(self, images: slice, size: Size, stride: int) -> Tensor | None:
        rows, columns = _cells(size, stride)
        return self.density_generator.penalty(
            self._generated[stride][images, :, :rows, :columns],
            self.points[images],
            size,
            stride=stride,
            sigmas=self._sigmas(images),
        )


def _cells(size: Size, stride: int) -> tuple[int, int]:
    """Rows and columns of a map."""
    return -(-size[0] // stride), -(-size[1] // stride)
