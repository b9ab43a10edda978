"""Find the peaks of a map: pixels that no neighbour exceeds, each plateau once."""

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F


def find_peaks(
    values: Float[Tensor, "h w"], *, radius: int = 1, threshold: float = 0.0, refine: bool = False
) -> tuple[Float[Tensor, "N 2"], Float[Tensor, " N"]]:
    """Find the peaks of a map, highest first.

    A peak is a cell above ``threshold`` that nothing within ``radius`` cells (a square) exceeds.
    Equal peaks within each other's reach, a plateau for one, are a single peak at their mean.

    Args:
        values: (h, w) map.
        radius: Cells to every side that compete, 1 or more.
        threshold: Least height, itself excluded.
        refine: Move each lone peak to the top of the parabolas through it and its neighbours in
            x and in y, at most half a cell; a peak on the border stays there in that direction.

    Returns:
        (N, 2) (x, y) in cells, corner convention, and (N,) heights, on the map's device.

    Example:
        >>> xy, height = find_peaks(torch.tensor([[0.0, 2.0, 0.0, 1.0, 1.0]]))
        >>> xy.tolist(), height.tolist()
        ([[1.5, 0.5], [4.0, 0.5]], [2.0, 1.0])
    """
    highest = F.max_pool2d(values[None, None], 2 * radius + 1, stride=1, padding=radius)[0, 0]
    cells = torch.nonzero((values == highest) & (values > threshold))
    group, members = _plateaus(cells, values.shape, radius)
    centres = cells.double()
    if refine:
        lone = members[group] == 1
        centres[lone] += _offsets(values, cells[lone])
    total = centres.new_zeros(len(members), 2).index_add(0, group, centres)
    row, column = (total / members[:, None] + 0.5).to(values.dtype).unbind(1)
    height = values.new_zeros(len(members)).index_copy(0, group, values[tuple(cells.T)])
    order = torch.argsort(height, descending=True, stable=True)
    return torch.stack([column, row], dim=1)[order], height[order]


def _plateaus(cells: Tensor, size: torch.Size, radius: int) -> tuple[Tensor, Tensor]:
    """Group of each peak cell, and cells in each group, linking cells within ``radius``."""
    row, column = cells.cpu().numpy().T
    mask = np.zeros(size, bool)
    mask[row, column] = True
    # Windows of side ``radius`` round two cells touch exactly if the cells are within ``radius``.
    label, _ = ndimage.label(ndimage.maximum_filter(mask, radius, mode="constant"), np.ones((3, 3)))
    group = torch.from_numpy(label[row, column].astype(np.int64) - 1).to(cells.device)
    return group, torch.bincount(group)


def _offsets(values: Tensor, cells: Tensor) -> Tensor:
    """(N, 2) how far in rows and columns a parabola's top lies from each cell's centre."""
    return torch.stack([_offset(values, cells, dim) for dim in (0, 1)], dim=1)


def _offset(values: Tensor, cells: Tensor, dim: int) -> Tensor:
    step = torch.eye(2, dtype=torch.long, device=cells.device)[dim]
    inner = (cells[:, dim] > 0) & (cells[:, dim] < values.shape[dim] - 1)
    offset = torch.zeros(len(cells), dtype=torch.float64, device=cells.device)
    before, here, after = (
        values[tuple((cells[inner] + shift * step).T)].double() for shift in (-1, 0, 1)
    )
    # Three equal cells, the outer two of which are no peaks, have no parabola.
    offset[inner] = ((before - after) / (2 * (before - 2 * here + after))).nan_to_num(0)
    return offset
