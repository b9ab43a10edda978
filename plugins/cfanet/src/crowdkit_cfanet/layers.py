"""Layers that CFANet and MARUNet share, exact and sparing of memory."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from crowdkit_core.interfaces import Size


def dilated_conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 3x3 convolution with dilation 2 that keeps the size."""
    return nn.Conv2d(in_channels, out_channels, 3, padding=2, dilation=2)


def map_size(maps: Tensor) -> Size:
    """(H, W) of (B, C, H, W)."""
    return maps.shape[-2], maps.shape[-1]


def enlarge(features: Float[Tensor, "B C h w"], size: Size) -> Float[Tensor, "B C H W"]:
    """Bilinear enlargement between pixels seen as squares (``align_corners=False``)."""
    if map_size(features) == size:
        return features
    return F.interpolate(features, size, mode="bilinear", align_corners=False)


def joint_conv(
    conv: nn.Conv2d, maps: Sequence[Float[Tensor, "B _ h w"]]
) -> Float[Tensor, "B C h w"]:
    """``conv(torch.cat(maps, 1))``, without the memory of the concatenation.

    A convolution of stacked maps is the sum of the convolutions of each with its own channels.
    """
    convolve = partial(F.conv2d, stride=conv.stride, padding=conv.padding, dilation=conv.dilation)
    first, *rest = torch.split(conv.weight, [each.shape[1] for each in maps], dim=1)
    total = convolve(maps[0], first, conv.bias)
    for each, weight in zip(maps[1:], rest, strict=True):
        total += convolve(each, weight)
    return total


def enlarged_conv(
    conv: nn.Conv2d, features: Float[Tensor, "B C h w"], size: Size
) -> Float[Tensor, "B 1 H W"]:
    """``conv(enlarge(features, size))`` of a 3x3 convolution to one channel, in nine maps.

    Enlarging treats every channel alike, so the channels may be mixed before it: each of the nine
    taps gives a small map, and the enlarged maps are shifted to their taps and added. 512 channels
    of the image's size would take 57 times the memory.
    """
    taps = F.conv2d(features, conv.weight[0].flatten(1).t()[:, :, None, None])
    shifts = torch.eye(9, dtype=conv.weight.dtype, device=conv.weight.device).view(1, 9, 3, 3)
    return F.conv2d(enlarge(taps, size), shifts, conv.bias, padding=1)


def run_step(step: Callable[..., Any], *inputs: Any, checkpointing: bool) -> Any:
    """``step(*inputs)``; with ``checkpointing`` only its inputs are kept for the backward pass."""
    if not (checkpointing and torch.is_grad_enabled()):
        return step(*inputs)
    return checkpoint(step, *inputs, use_reentrant=False, preserve_rng_state=False)


class SideOutput(nn.Module):
    """A 3x3 convolution of features enlarged to the image's size; one channel.

    Args:
        in_channels: Of the features.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 1, 3, padding=1)

    def forward(self, features: Float[Tensor, "B C h w"], size: Size) -> Float[Tensor, "B 1 H W"]:
        """The map, (H, W) being ``size``."""
        return enlarged_conv(self.conv, features, size)


class AttentionStage(nn.Module):
    """One scale of an attention branch.

    Features of the scale below are enlarged and pass a dilated convolution; a plain one makes
    the scale's own map of them.

    Args:
        in_channels: Of the features below.
        width: Channels of the features handed on.
        out_channels: Channels of the map.
    """

    def __init__(self, in_channels: int, width: int, out_channels: int) -> None:
        super().__init__()
        self.conv = dilated_conv(in_channels, width)
        self.head = nn.Conv2d(width, out_channels, 3, padding=1)

    def forward(
        self, features: Float[Tensor, "B C h w"], size: Size
    ) -> tuple[Float[Tensor, "B W H2 W2"], Float[Tensor, "B K H2 W2"]]:
        """Features and logits of this scale, (H2, W2) being ``size``."""
        features = F.relu(self.conv(enlarge(features, size)), inplace=True)
        return features, self.head(features)
