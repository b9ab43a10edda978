"""Small counters whose receptive fields are known by hand."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.interfaces import (
    Counter,
    LocalizedPoints,
    Localizer,
    MapSpec,
    Prediction,
    Size,
)


class PoolingCounter(Counter):
    """Two poolings and three convolutions: stride 4, 1 + 2 * 2 + 4 * 1 = 9 pixels round a cell.

    Also gives an attention map at stride 2, before the second pooling.
    """

    outputs: Mapping[str, MapSpec] = MappingProxyType(
        {"density": MapSpec("density", 4), "attention": MapSpec("attention", 2, 3)}
    )
    size_multiple = 4
    receptive_field: int | None = 9
    min_size = (7, 5)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 3, 5, padding=2)
        self.third = nn.Conv2d(3, 1, 3, padding=1)
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Prediction:
        assert not self.training
        assert images.dtype == torch.float32
        assert images.min() >= 0
        assert images.max() <= 1
        height, width = images.shape[-2:]
        assert height >= self.min_size[0]
        assert width >= self.min_size[1]
        self.seen.append((height, width))
        padded = F.pad(images, (0, -width % 4, 0, -height % 4))
        half = F.max_pool2d(F.relu(self.first(padded)), 2)
        attention = torch.sigmoid(self.second(half))
        density = F.softplus(self.third(F.max_pool2d(attention, 2)))
        cells = -(-height // 2), -(-width // 2)
        maps = {"attention": attention[..., : cells[0], : cells[1]]}
        return Prediction.from_density(density, 4, maps=maps)


class DilatedCounter(Counter):
    """Full resolution, dilation 3: 1 + 3 pixels round a cell."""

    outputs: Mapping[str, MapSpec] = MappingProxyType({"density": MapSpec("density", 1)})
    receptive_field: int | None = 4

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 1, 3, padding=3, dilation=3)
        )

    def forward(self, images: Tensor) -> Prediction:
        return Prediction.from_density(F.softplus(self.net(images)), 1)


class BrightnessCounter(Counter):
    """A pixel counts its red value: what a map holds is known by hand."""

    outputs: Mapping[str, MapSpec] = MappingProxyType({"density": MapSpec("density", 1)})
    receptive_field: int | None = 0

    def forward(self, images: Tensor) -> Prediction:
        return Prediction.from_density(images[:, :1], 1)


class PureCounter(Counter):
    """A count and no map."""

    outputs: Mapping[str, MapSpec] = MappingProxyType({})

    def forward(self, images: Tensor) -> Prediction:
        return Prediction(count=images.mean((1, 2, 3)))


class BrightPixels(Localizer):
    """A point at the centre of each cell that holds at least one person."""

    def forward(self, prediction: Prediction, size: Size) -> list[LocalizedPoints]:
        assert prediction.density is not None
        rows, columns = torch.nonzero(prediction.density[0, 0] >= 1, as_tuple=True)
        xy = torch.stack([columns, rows], dim=1) + 0.5
        return [LocalizedPoints(xy, torch.ones(len(xy)))]


@pytest.fixture
def make_counter() -> Callable[[str], Counter]:
    """Build one of the counters above by name, always with the same weights."""
    classes = {
        each.__name__: each
        for each in (PoolingCounter, DilatedCounter, BrightnessCounter, PureCounter)
    }

    def make(name: str) -> Counter:
        torch.manual_seed(0)
        return classes[name]().eval()

    return make


@pytest.fixture
def localizer() -> Localizer:
    return BrightPixels()
