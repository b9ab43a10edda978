"""Count the points in the cells of a map."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from crowdkit_core.interfaces.samples import Size


def count_cells(points: Float[Tensor, "N 2"], size: Size, stride: int) -> Int64[Tensor, "h w"]:
    """Number of points in every cell of a map; those of one place are as many as they are.

    A point on the far border belongs to the last cell.

    Args:
        points: (N, 2) pixels.
        size: (H, W) of the image in pixels.
        stride: Pixels per cell side.

    Example:
        >>> count_cells(torch.tensor([[1.0, 1.0], [1.0, 1.0], [16.0, 3.0]]), (8, 16), 8).tolist()
        [[2, 1]]
    """
    rows, columns = (-(-side // stride) for side in size)
    column = (points[:, 0] / stride).long().clamp(0, columns - 1)
    row = (points[:, 1] / stride).long().clamp(0, rows - 1)
    counts = torch.zeros(rows, columns, dtype=torch.int64, device=points.device)
    return counts.index_put_((row, column), counts.new_ones(()), accumulate=True)
