"""Fuse blurred maps of the image's size into one density map of a coarser stride."""

from itertools import pairwise
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.density import sum_pool

Pooling = Literal["sum", "avg"]
"""Of 2 x 2 cells: their sum keeps people, their average a quarter of them."""

_CHANNELS = (128, 32, 8)


class LearnedFusion(nn.Module):
    """C(128,3)-P-C(32,3)-P-C(8,3)-P-C(1,3)-PReLU, table 1 of Wan and Chan, ICCV 2019.

    A ReLU follows every convolution but the last. As printed, the stride is 8; a smaller one
    leaves out the last poolings.

    Args:
        maps: Channels it takes.
        pooling: What P does.
    """

    strides = frozenset({1, 2, 4, 8})

    def __init__(self, maps: int, pooling: Pooling) -> None:
        super().__init__()
        channels = (maps, *_CHANNELS, 1)
        self.layers = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in pairwise(channels))
        self.activation = nn.PReLU()
        self.divisor = 1 if pooling == "sum" else 4

    def forward(self, maps: Float[Tensor, "B k H W"], stride: int) -> Float[Tensor, "B 1 h w"]:
        """One map; ``H`` and ``W`` are multiples of ``stride``."""
        *layers, last = self.layers
        for number, layer in enumerate(layers, start=1):
            maps = F.relu(layer(maps), inplace=True)
            if 2**number <= stride:
                maps = F.avg_pool2d(maps, 2, divisor_override=self.divisor)
        density: Tensor = self.activation(last(maps))
        return density


class SumFusion(nn.Module):
    """The maps added up, and the people of each cell. Nothing is learned."""

    strides = None

    def forward(self, maps: Float[Tensor, "B k H W"], stride: int) -> Float[Tensor, "B 1 h w"]:
        """One map of any stride."""
        return sum_pool(maps.sum(1, keepdim=True), stride)
