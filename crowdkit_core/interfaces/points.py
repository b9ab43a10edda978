"""Points in the corner convention: pixel column ``i`` covers ``[i, i + 1)``."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F


class Points(tv_tensors.KeyPoints):  # type: ignore[misc]  # torchvision: untyped
    """Dot annotations as (x, y) pixels whose origin is the image's top left *corner*.

    torchvision's `KeyPoints` resizes, crops and rotates in this convention but flips as if pixel
    centres were integers (``W - 1 - x``), which is one pixel off here; the two flips are ours.

    Shape:
        (N, 2), float; ``canvas_size`` is (H, W).

    Example:
        >>> points = Points([[1.75, 0.5]], canvas_size=(4, 8))
        >>> F.horizontal_flip(points).tolist()
        [[6.25, 0.5]]
    """


@dataclass(frozen=True, slots=True)
class LocalizedPoints:
    """Points found in one image, best first.

    Attributes:
        xy: (N, 2) pixels of the image, corner convention.
        score: (N,) confidence, descending.
    """

    xy: Float[Tensor, "N 2"]
    score: Float[Tensor, " N"]


def points_inside(
    points: Float[Tensor, "N 2"], roi: Bool[Tensor, "H W"] | None
) -> Bool[Tensor, " N"]:
    """(N,) whether each point lies in a region; everywhere without one.

    Args:
        points: (N, 2) pixels; a point outside the frame is judged by the nearest pixel.
        roi: (H, W) True inside.
    """
    if roi is None:
        return torch.ones(len(points), dtype=torch.bool, device=points.device)
    height, width = roi.shape
    column = points[:, 0].long().clamp(0, width - 1)
    row = points[:, 1].long().clamp(0, height - 1)
    return roi[row, column]


def _rewrap(xy: Tensor, like: Points) -> Points:
    return tv_tensors.wrap(xy, like=like)  # type: ignore[no-any-return]  # torchvision: untyped


@F.register_kernel(F.horizontal_flip, Points)  # type: ignore[untyped-decorator]  # as above
def _horizontal_flip(points: Points, **_: Any) -> Points:
    xy = points.as_subclass(torch.Tensor)
    width = points.canvas_size[1]
    return _rewrap(torch.stack([width - xy[..., 0], xy[..., 1]], dim=-1), points)


@F.register_kernel(F.vertical_flip, Points)  # type: ignore[untyped-decorator]  # as above
def _vertical_flip(points: Points, **_: Any) -> Points:
    xy = points.as_subclass(torch.Tensor)
    height = points.canvas_size[0]
    return _rewrap(torch.stack([xy[..., 0], height - xy[..., 1]], dim=-1), points)
