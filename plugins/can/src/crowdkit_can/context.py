"""Context features at four scales, weighted by how they differ from the place."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

SIZES = (1, 2, 3, 6)
"""Cells a side that the whole map is averaged to."""

_EPSILON = 1e-12


class SharedContext(nn.Module):
    """One network weighs all scales; what comes out is mixed down to the channels that came in.

    Liu, Salzmann and Fua, CVPR 2019, section 3.1, as the authors released it.

    Args:
        channels: Of the features.

    Attributes:
        out_channels: As many.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels
        self.scales = _scales(channels)
        self.weight_net = nn.Conv2d(channels, channels, 1)
        self.bottleneck = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        """Add context."""
        levels = [_enlarged(scale(features), features) for scale in self.scales]
        weights = [torch.sigmoid(self.weight_net(features - level)) for level in levels]
        mixed = torch.cat([_weighted_mean(levels, weights), features], 1)
        return F.relu(self.bottleneck(mixed))


class SeparateContext(nn.Module):
    """A network for each scale; the weighted context follows the features unmixed.

    Liu, Salzmann and Fua, CVPR 2019, equations 2 to 5 and the concatenation after them.

    Args:
        channels: Of the features.

    Attributes:
        out_channels: Twice as many.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = 2 * channels
        self.scales = _scales(channels)
        self.weight_nets = nn.ModuleList(
            nn.Conv2d(channels, channels, 1, bias=False) for _ in SIZES
        )

    def forward(self, features: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C2 h w"]:
        """Append context."""
        levels = [_enlarged(scale(features), features) for scale in self.scales]
        weights = [
            torch.sigmoid(weight_net(level - features))
            for weight_net, level in zip(self.weight_nets, levels, strict=True)
        ]
        return torch.cat([features, _weighted_mean(levels, weights)], 1)


def _scales(channels: int) -> nn.ModuleList:
    return nn.ModuleList(
        nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Conv2d(channels, channels, 1, bias=False))
        for size in SIZES
    )


def _enlarged(level: Tensor, features: Tensor) -> Tensor:
    return F.interpolate(level, features.shape[-2:], mode="bilinear", align_corners=False)


def _weighted_mean(levels: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    weighted = sum(
        (level * weight for level, weight in zip(levels, weights, strict=True)),
        start=torch.zeros_like(levels[0]),
    )
    return weighted / sum(weights, start=torch.full_like(levels[0], _EPSILON))
