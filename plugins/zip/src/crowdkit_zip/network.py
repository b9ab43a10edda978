"""From features of a backbone to features of blocks: the refiner and the decoder."""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

DECODED = 256
"""The decoder halves the channels until there are at most this many."""


class SeparableConv(nn.Sequential):
    """A grouped 3x3 convolution, a 1x1 convolution and a batch norm.

    Args:
        in_channels: Of the input.
        out_channels: Of the output.
        groups: Of the 3x3 convolution; None for one per channel.
    """

    def __init__(self, in_channels: int, out_channels: int, *, groups: int | None = None) -> None:
        groups = groups or in_channels
        super().__init__(
            nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=groups, bias=False),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )


class ResidualBlock(nn.Module):
    """Separable convolutions beside a shortcut, which is a 1x1 one where the channels change.

    Args:
        in_channels: Of the input.
        out_channels: Of the output.
        convolutions: How many.
        groups: As of `SeparableConv`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        convolutions: int = 1,
        groups: int | None = None,
    ) -> None:
        super().__init__()
        channels = [in_channels] + [out_channels] * convolutions
        layers: list[nn.Module] = []
        for i, o in pairwise(channels):
            layers += [SeparableConv(i, o, groups=groups), nn.ReLU(inplace=True)]
        self.convolutions = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Sequential()
        if in_channels != out_channels:
            self.shortcut.append(nn.Conv2d(in_channels, out_channels, 1, bias=False))
            self.shortcut.append(nn.BatchNorm2d(out_channels))

    def forward(self, features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B D h w"]:
        """The sum of both, through a ReLU."""
        return F.relu(self.convolutions(features) + self.shortcut(features))


class Refiner(nn.Module):
    """Doubles the resolution of features, again and again, with a residual block each time.

    Args:
        channels: Of the features.
        laterals: Channels of the backbone's features to add at each doubling, deepest first;
            None where nothing is added, as in the paper.
        convolutions: As of `ResidualBlock`.
        groups: As of `SeparableConv`.
    """

    def __init__(
        self,
        channels: int,
        laterals: Sequence[int | None],
        *,
        convolutions: int,
        groups: int | None,
    ) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Identity() if each is None else nn.Conv2d(each, channels, 1) for each in laterals
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(channels, channels, convolutions=convolutions, groups=groups)
            for _ in laterals
        )

    def forward(
        self, features: Float[Tensor, "B C h w"], beside: Sequence[Float[Tensor, "B _ _ _"]]
    ) -> Float[Tensor, "B C _ _"]:
        """Features of blocks.

        Args:
            features: The deepest.
            beside: Those to add at each doubling, deepest first; empty where nothing is added.
        """
        for step, block in enumerate(self.blocks):
            features = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
            if beside:
                features = features + self.laterals[step](beside[step])
            features = block(features)
        return features


def decoder(channels: int, *, convolutions: int, groups: int | None) -> nn.Sequential:
    """Residual blocks that halve the channels until there are at most `DECODED`.

    Args:
        channels: Of the input.
        convolutions: As of `ResidualBlock`.
        groups: As of `SeparableConv`.
    """
    blocks = nn.Sequential()
    while channels > DECODED:
        half = channels // 2
        blocks.append(ResidualBlock(channels, half, convolutions=convolutions, groups=groups))
        channels = half
    return blocks


def decoded_channels(channels: int) -> int:
    """Channels that the decoder leaves.

    Example:
        >>> decoded_channels(960), decoded_channels(256)
        (240, 256)
    """
    while channels > DECODED:
        channels //= 2
    return channels
