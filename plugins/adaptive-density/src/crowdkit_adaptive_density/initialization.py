"""Initialise networks so that they start as the map they are given."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import nn

from crowdkit_core.networks import init_normal

Initialization = Literal["identity", "normal"]
"""``normal``: every weight from N(0, 0.01); ``identity``: on top of it the first channel of every
convolution hands on what comes in, so that a map passes nearly as it is."""


def init_identity(network: nn.Module) -> None:
    """Start a stack of convolutions as the sum of its input channels, give or take N(0, 0.01).

    The first convolution's first channel adds up all inputs, every further one's hands that on.
    A map without negative values passes ReLUs unchanged. The normal part keeps the other channels
    from being the same, or dead.

    Args:
        network: Whose convolutions, in order, are the stack; kernels of odd size.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> stack = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 1, 3, padding=1))
        >>> init_identity(stack)
        >>> stack(torch.ones(1, 1, 9, 9))[0, 0, 4, 4].round(decimals=1).item()
        1.0
    """
    init_normal(network)
    first, *others = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    with torch.no_grad():
        _centre(first)[0] += 1
        for layer in others:
            _centre(layer)[0, 0] += 1


def _centre(layer: nn.Conv2d) -> torch.Tensor:
    """(out, in) weights of a convolution's middle tap."""
    height, width = layer.kernel_size
    return layer.weight[:, :, height // 2, width // 2]


INITIALIZERS: Mapping[Initialization, Callable[[nn.Module], None]] = {
    "identity": init_identity,
    "normal": init_normal,
}
