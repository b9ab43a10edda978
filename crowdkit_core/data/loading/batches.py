"""Join samples into a batch."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.data.transforms import region
from crowdkit_core.interfaces import Batch, Sample, Size


def collate(samples: Sequence[Sample]) -> Batch:
    """Samples padded with black at the bottom and right to the greatest height and width.

    Pixels become float in [0, 1]. The batch has a region if any sample has one or sizes differ;
    padding is outside it.

    Args:
        samples: At least one.
    """
    heights, widths = zip(*(sample.size for sample in samples), strict=True)
    size = (max(heights), max(widths))
    whole = all(sample.roi is None and sample.size == size for sample in samples)
    return Batch(
        images=_as_floats([sample.image for sample in samples], size),
        points=tuple(sample.points.as_subclass(Tensor) for sample in samples),
        sizes=tuple(sample.size for sample in samples),
        roi=None if whole else torch.stack([_padded(region(s), size) for s in samples]),
        lengths=tuple(sample.lengths for sample in samples),
        names=tuple(sample.name for sample in samples),
    )


def _as_floats(images: Sequence[Tensor], size: Size) -> Tensor:
    """Images of one size, each copied once, into its place."""
    floats = torch.zeros(len(images), 3, *size)
    for place, image in zip(floats, images, strict=True):
        inside = place[:, : image.shape[1], : image.shape[2]]
        inside.copy_(image)
        if not image.is_floating_point():
            inside /= 255
    return floats


def _padded(picture: Tensor, size: Size) -> Tensor:
    height, width = picture.shape[-2:]
    return F.pad(picture, (0, size[1] - width, 0, size[0] - height))
