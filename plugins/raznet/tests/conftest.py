"""RAZNet a few channels wide: the same code in milliseconds."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from crowdkit_raznet import network
from crowdkit_raznet.raznet import RAZNet
from torch import Tensor, nn

import crowdkit_core


class NarrowBackbone(nn.Module):
    """Stride 8, 6 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Conv2d(3, 6, 10, stride=8, padding=1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """One feature map."""
        return [torch.relu(self.net(images))]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., RAZNet]:
    """Makes narrow networks; `crowdkit_core.create` does too while the test runs."""
    monkeypatch.setattr(network, "_FEATURES", 6)
    monkeypatch.setattr(network, "_RICH", 4)
    monkeypatch.setattr(network, "_COUNTING", (6, 6, 6, 6, 5, 5, 4))
    monkeypatch.setattr(network, "_DECONVOLUTIONS", ((6, 5), (5, 5), (5, 4)))
    monkeypatch.setattr(network, "_backbone", lambda _convolutions, _pretrained: NarrowBackbone())

    def make(**options: Any) -> RAZNet:
        torch.manual_seed(0)
        return crowdkit_core.create("counter", "raznet", **options)

    return make
