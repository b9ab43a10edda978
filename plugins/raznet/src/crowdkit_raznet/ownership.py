"""Merge the points of an image with those of its zoomed regions, which may overlap."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from crowdkit_core.interfaces import LocalizedPoints
from crowdkit_raznet.regions import Regions


def merge_by_ownership(
    points: LocalizedPoints, regions: Regions, points_of_regions: Sequence[LocalizedPoints]
) -> LocalizedPoints:
    """Replace the points inside regions by those found after zooming into each.

    A region owns its pixels that no region before it owns, and the image owns the others; a point
    counts where its finder owns the pixel. No place is thus counted twice, however regions overlap.
    Liu, Weng and Mu, CVPR 2019, leave open how the points of overlapping regions become one set.

    Args:
        points: Found in the whole image.
        regions: In the order in which they own.
        points_of_regions: Found in each region, in pixels of the whole image.

    Returns:
        All points that count, best first.

    Example:
        >>> from_afar = torch.tensor([[1.5, 1.5], [9.5, 1.5]])
        >>> from_near = torch.tensor([[1.2, 1.0], [1.9, 1.8]])
        >>> whole = LocalizedPoints(from_afar, torch.tensor([0.9, 0.6]))
        >>> closer = LocalizedPoints(from_near, torch.tensor([0.8, 0.7]))
        >>> left = Regions(torch.tensor([[0, 0, 4, 4]]), torch.tensor([0.5]).double())
        >>> merge_by_ownership(whole, left, [closer]).score
        tensor([0.8000, 0.7000, 0.6000])
    """
    found = [*points_of_regions, points]
    finder = torch.cat([torch.full((len(each.xy),), i) for i, each in enumerate(found)])
    xy = torch.cat([each.xy for each in found])
    score = torch.cat([each.score for each in found])
    counts = owners(xy, regions.boxes) == finder.to(xy.device)
    xy, score = xy[counts], score[counts]
    order = torch.argsort(score, descending=True, stable=True)
    return LocalizedPoints(xy[order], score[order])


def owners(xy: Float[Tensor, "N 2"], boxes: Int64[Tensor, "K 4"]) -> Int64[Tensor, " N"]:
    """Index of the first box that each point lies in, K where none does.

    Args:
        xy: (N, 2) pixels; a box holds its left and top borders.
        boxes: (K, 4) x0, y0, x1, y1.
    """
    inside = ((xy[:, None] >= boxes[:, :2]) & (xy[:, None] < boxes[:, 2:])).all(-1)
    anywhere = inside.new_ones(len(xy), 1)
    return torch.cat([inside, anywhere], dim=1).int().argmax(1)
