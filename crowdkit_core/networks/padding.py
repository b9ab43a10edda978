"""Pad images of any size, and cut maps to ceil(size / stride) cells."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.interfaces.samples import Size
from crowdkit_core.networks.traced_padding import crop_traced, pad_traced


def pad_to_multiple(images: Float[Tensor, "B C H W"], multiple: int) -> Float[Tensor, "B C H2 W2"]:
    """Add zeros at the bottom and right until both sides are multiples.

    Zeros are what convolutions themselves pad with, so call this after normalising.

    Example:
        >>> import torch
        >>> pad_to_multiple(torch.ones(1, 3, 5, 8), 4).shape
        torch.Size([1, 3, 8, 8])
    """
    if torch.compiler.is_exporting():
        padded: Tensor = pad_traced(images, multiple)
        return padded
    height, width = images.shape[-2:]
    return F.pad(images, (0, -width % multiple, 0, -height % multiple))


def crop_map(maps: Float[Tensor, "B C h2 w2"], size: Size, stride: int) -> Float[Tensor, "B C h w"]:
    """Keep the cells that touch an image of ``size``.

    Example:
        >>> import torch
        >>> crop_map(torch.ones(1, 1, 4, 4), (9, 16), 4).shape
        torch.Size([1, 1, 3, 4])
    """
    height, width = size
    if torch.compiler.is_exporting():
        cropped: Tensor = crop_traced(maps, height, width, stride)
        return cropped
    return maps[..., : -(-height // stride), : -(-width // stride)]
