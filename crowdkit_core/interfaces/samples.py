"""The values a dataset gives: annotations, samples, and samples joined into a batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from crowdkit_core.interfaces.points import Points

Size = tuple[int, int]
"""Height and width in pixels."""

Lengths = Mapping[str, Tensor]
"""Named per-point lengths in pixels, each (N,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Everything known of an image except its pixels.

    Attributes:
        name: Unique and stable within the dataset.
        size: (H, W) of the image in pixels.
        points: (N, 2) float (x, y), corner convention, inside ``[0, W] x [0, H]``.
        roi: (H, W) bool, True where people count; None means everywhere.
        lengths: Per-point lengths in pixels that the dataset itself knows (such as head sizes).
        clipped: How many points lay outside the frame and were moved onto its border.
        group: What the dataset's protocol reports apart (such as a scene); empty where it does not.
    """

    name: str
    size: Size
    points: Float[Tensor, "N 2"]
    roi: Bool[Tensor, "H W"] | None = None
    lengths: Lengths = field(default_factory=dict)
    clipped: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image with its annotation; what transforms take and return.

    Attributes:
        name: Unique and stable within the dataset.
        image: (3, H, W) RGB, uint8 or float in [0, 1].
        points: (N, 2) in this image's pixels.
        roi: (H, W) bool, or None for the whole image.
        lengths: Per-point lengths in this image's pixels. They are measured on the whole,
            untransformed image (such as distances to neighbours); a crop selects, a resize scales.
        group: As of the `Annotation`.
    """

    name: str
    image: Tensor
    points: Points
    roi: Bool[Tensor, "H W"] | None = None
    lengths: Lengths = field(default_factory=dict)
    group: str = ""

    @property
    def size(self) -> Size:
        """(H, W) of the image in pixels."""
        height, width = self.image.shape[-2:]
        return height, width


Transform = Callable[[Sample, int], Sample | Sequence[Sample]]
"""Changes a sample by a seed that decides all that is random; several where it cuts out several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples padded at the bottom and right to one size.

    Attributes:
        images: (B, 3, H, W) float in [0, 1].
        points: One (N, 2) tensor per image.
        sizes: (H, W) of each image before padding.
        roi: (B, H, W) bool; also False on padding. None: every pixel of every image counts.
        lengths: Per image, the per-point lengths in pixels.
        names: The samples' names.
    """

    images: Float[Tensor, "B 3 H W"]
    points: tuple[Tensor, ...]
    sizes: tuple[Size, ...]
    roi: Bool[Tensor, "B H W"] | None
    lengths: tuple[Lengths, ...]
    names: tuple[str, ...]

    @property
    def size(self) -> Size:
        """(H, W) of the padded batch in pixels."""
        height, width = self.images.shape[-2:]
        return height, width

    def to(self, device: torch.device | str) -> Self:
        """The same batch on another device."""
        return type(self)(
            images=self.images.to(device, non_blocking=True),
            points=tuple(p.to(device, non_blocking=True) for p in self.points),
            sizes=self.sizes,
            roi=None if self.roi is None else self.roi.to(device, non_blocking=True),
            lengths=tuple({k: v.to(device) for k, v in each.items()} for each in self.lengths),
            names=self.names,
        )
