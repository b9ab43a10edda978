"""Compute how far around a cell its value can depend on the image."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

_WIDTHS = (256, 512, 1024)
_HEIGHT = 64


def measure_receptive_field(
    network: nn.Module,
    stride: int,
    *,
    read: Callable[[Any], Tensor] = lambda output: output,
    period: int | None = None,
) -> int | None:
    """Pixels beyond a cell's edge that can change it, or None if it is more than 500 or so.

    NaN marks one side of an image; the cells it spreads to are those that depend on it. The
    network is copied to float64 on the CPU, where convolutions spread NaN to their own windows
    only (fast float32 algorithms mix neighbours).

    Args:
        network: Takes (B, 3, H, W).
        stride: Pixels per cell side of its output.
        read: Picks the (B, C, h, w) map from what the network returns.
        period: After how many pixels the network repeats itself (the product of its poolings);
            the stride by default.
    """
    probe = deepcopy(network).cpu().double().eval()

    def marked(images: Tensor) -> Tensor:
        with torch.no_grad():
            return read(probe(images)).isnan().any(1)

    for width in _WIDTHS:
        reaches = [
            _reach(marked, stride, period or stride, width, transposed=transposed)
            for transposed in (False, True)
        ]
        if all(reach is not None for reach in reaches):
            return max(reach for reach in reaches if reach is not None)
    return None


def _reach(
    marked: Callable[[Tensor], Tensor], stride: int, period: int, width: int, *, transposed: bool
) -> int | None:
    """Farthest reach along one axis, or None if it runs into the border of the probe image."""
    farthest = 0
    for edge in range(width // 2, width // 2 + period):
        images = torch.zeros(2, 3, _HEIGHT, width, dtype=torch.float64)
        images[0, ..., edge:] = torch.nan
        images[1, ..., : edge + 1] = torch.nan
        cells = marked(images.mT).mT if transposed else marked(images)
        columns = cells.any(1)
        first = int(columns[0].float().argmax())
        last = columns.shape[1] - 1 - int(columns[1].flip(0).float().argmax())
        if first == 0 or last == columns.shape[1] - 1:
            return None
        farthest = max(farthest, edge + 1 - (first + 1) * stride, last * stride - edge)
    return farthest
