"""Points at the seams of tiles that did not see all that the whole image would have shown."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from crowdkit_core.inference.tiles import TilePlan
from crowdkit_core.interfaces import LocalizedPoints
from crowdkit_core.localization.suppression import suppress_near

CELLS = 3
"""How near doubles are: the two cells that peaks of one map lie apart at least, and one for what
two tiles disagree by. Tiles that disagree by more leave doubles, which nothing tells from heads."""


def without_doubles(points: LocalizedPoints, plan: TilePlan, *, stride: int) -> LocalizedPoints:
    """Points of which no two tiles have one each for the same head.

    Where the halo covers the receptive field, the maps that tiles are put together to are those of
    the whole image, and nothing is doubled. With a smaller one two tiles may each place a head at
    a seam on their own side of it. Of points of different tiles that are at most `CELLS` apart, the
    better stays.

    Args:
        points: Best first, in pixels of the tiled image.
        plan: Of the tiles.
        stride: Of the map that points were found in.
    """
    if plan.exact or len(plan) == 1:
        return points
    return suppress_near(points, CELLS * stride, part=tile_of(points.xy, plan))


def tile_of(xy: Float[Tensor, "N 2"], plan: TilePlan) -> Int64[Tensor, " N"]:
    """(N,) index of the tile whose core each point lies in, row by row."""
    rows, columns = (
        torch.tensor([span.core_start for span in spans[1:]], dtype=xy.dtype)
        for spans in (plan.rows, plan.columns)
    )
    x, y = (each.contiguous() for each in xy.cpu().unbind(1))
    row, column = torch.bucketize(y, rows, right=True), torch.bucketize(x, columns, right=True)
    return row * len(plan.columns) + column
