"""How far from a cell the image matters to it."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from crowdkit_core.interfaces import Counter


def _reach(counter: Counter, *, width: int) -> int:
    """Pixels beyond a cell's edge that have a gradient, at the phase where they are most.

    Positive weights keep contributions from cancelling, and average pooling looks at the same
    windows as maximum pooling without choosing one pixel of each.
    """
    torch.manual_seed(0)
    counter = counter.double().eval()
    for parent in list(counter.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(2))
            if isinstance(child, nn.Conv2d):
                nn.init.uniform_(child.weight, 0, 2 / child.weight[0].numel())
    images = torch.rand(1, 3, 16, width, dtype=torch.float64).requires_grad_()
    density = counter(images).density
    farthest = 0
    for column in range(width // 2, width // 2 + counter.size_multiple):
        (gradient,) = torch.autograd.grad(density[0, 0, 8, column], images, retain_graph=True)
        seen = gradient.abs().amax((0, 1, 2)).nonzero()
        first, last = int(seen.min()), int(seen.max())
        assert 0 < first < last < width - 1, "the image is too narrow to tell"
        farthest = max(farthest, column - first, last - column)
    return farthest


@pytest.fixture(scope="session")
def measured_reach() -> Callable[..., int]:
    """See `_reach`."""
    return _reach
