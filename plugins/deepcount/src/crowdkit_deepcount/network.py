"""The layers of DeepCount between the VGG-16 front end and its outputs."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.interfaces import Size

Activation = Literal["leaky-relu", "relu"]
Padding = Literal["symmetric", "tf"]

_FRONT_END = 512  # channels
_SKIP = 256
_WIDE = 512
_EMBEDDING = 1024
_HALVINGS = 4


def make_activation(name: Activation) -> nn.Module:
    """Leaky ReLU of slope 0.2, the paper's eq. 4, or ReLU, its ablation."""
    return nn.LeakyReLU(0.2) if name == "leaky-relu" else nn.ReLU()


class Encoder(nn.Module):
    """Backbone layers 2 to 11 of Table 1: from stride 8 down to one vector per tile.

    Args:
        grid: (rows, columns) of a tile's cells at stride 128; the size of the last kernel.
        activation: After every convolution.
        padding: Of the convolutions with stride 2.
    """

    def __init__(self, grid: Size, *, activation: Activation, padding: Padding) -> None:
        super().__init__()
        self.smooth = nn.ModuleList(
            nn.Conv2d(channels, _SKIP, 3, padding=1)
            for channels in (_FRONT_END, *[_WIDE] * _HALVINGS)
        )
        self.halve = nn.ModuleList(HalvingConv(padding) for _ in range(_HALVINGS))
        self.embed = nn.Conv2d(_SKIP, _EMBEDDING, grid)
        self.activation = make_activation(activation)

    def forward(
        self, features: Float[Tensor, "N 512 h w"]
    ) -> tuple[list[Tensor], Float[Tensor, "N 1024 1 1"]]:
        """The skipped features at strides 8 to 128, and the embedding."""
        first, *others = self.smooth
        skips = [self.activation(first(features))]
        for halve, smooth in zip(self.halve, others, strict=True):
            skips.append(self.activation(smooth(self.activation(halve(skips[-1])))))
        return skips, self.activation(self.embed(skips[-1]))


class HalvingConv(nn.Conv2d):
    """A 3x3 convolution of stride 2 that halves even sizes.

    Args:
        padding: ``symmetric`` adds a row and column of zeros on every side, ``tf`` only at the
            bottom and right, where TensorFlow's SAME puts them on even sizes.
    """

    def __init__(self, padding: Padding) -> None:
        self.pads_the_end = padding == "tf"
        super().__init__(_SKIP, _WIDE, 3, stride=2, padding=0 if padding == "tf" else 1)

    def forward(self, features: Tensor) -> Tensor:  # noqa: D102
        return super().forward(F.pad(features, (0, 1, 0, 1)) if self.pads_the_end else features)


class Branch(nn.Module):
    """One density branch of Table 1: from the embedding back up to stride ``4 * 2 ** level``.

    Args:
        level: 1 (stride 8) to 5 (stride 128).
        grid: As of `Encoder`.
        activation: After every transposed convolution.
    """

    def __init__(self, level: int, grid: Size, *, activation: Activation) -> None:
        super().__init__()
        self.expand = nn.ConvTranspose2d(_EMBEDDING, _SKIP, grid)
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(2 * _SKIP, _SKIP, 4, stride=2, padding=1)
            for _ in range(_HALVINGS + 1 - level)
        )
        self.head = nn.Conv2d(2 * _SKIP, 1, 1)
        self.activation = make_activation(activation)

    def forward(
        self, embedding: Float[Tensor, "N 1024 1 1"], skips: Sequence[Tensor]
    ) -> Float[Tensor, "N 1 h w"]:
        """The branch's map before its last activation; ``skips`` from fine to coarse."""
        coarsest, *finer = reversed(skips)
        joined = torch.cat([self.activation(self.expand(embedding)), coarsest], dim=1)
        for grow, skip in zip(self.grow, finer, strict=False):  # up to the branch's own
            joined = torch.cat([self.activation(grow(joined)), skip], dim=1)
        density: Tensor = self.head(joined)
        return density
