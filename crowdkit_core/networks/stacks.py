"""Build plain stacks of convolutions."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def conv_relu_stack(
    channels: Sequence[int], *, kernel_size: int = 3, dilation: int = 1
) -> nn.Sequential:
    """Convolutions that keep the size, each followed by a ReLU.

    Args:
        channels: Input channels, then the channels of each layer.
        kernel_size: Odd.
        dilation: Of every layer.

    Example:
        >>> stack = conv_relu_stack([512, 256, 64], dilation=2)
        >>> [layer.__class__.__name__ for layer in stack]
        ['Conv2d', 'ReLU', 'Conv2d', 'ReLU']
    """
    padding = dilation * (kernel_size - 1) // 2
    layers: list[nn.Module] = []
    for i, o in pairwise(channels):
        layers += [
            nn.Conv2d(i, o, kernel_size, padding=padding, dilation=dilation),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
