"""Sum-pool density maps, the only way they change their resolution."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import ShapeError, UsageError


def sum_pool(density: Float[Tensor, "*batch h w"], k: int) -> Float[Tensor, "*batch hk wk"]:
    """Add up ``k`` x ``k`` blocks of cells, so that no person is lost or made up.

    The last row and column of blocks may be partial: (ceil(h / k), ceil(w / k)) cells come back,
    at any size. Pooling by 2 and then by 4 is pooling by 8. Differentiable.

    Args:
        density: (..., h, w) persons per cell.
        k: Cells per side of a block, at least 1.

    Returns:
        (..., ceil(h / k), ceil(w / k)) persons per block.

    Raises:
        UsageError: ``k`` is less than 1.
        ShapeError: ``density`` has fewer than two dimensions or is not floating point.

    Example:
        >>> import torch
        >>> sum_pool(torch.ones(1, 3, 4), 2).tolist()
        [[[4.0, 4.0], [2.0, 2.0]]]
    """
    if k < 1:
        raise UsageError(f"cannot pool {k} x {k} cells, expected k >= 1")
    if density.ndim < 2 or not density.is_floating_point():
        raise ShapeError(
            f"density to pool is {density.dtype} {tuple(density.shape)}, expected float (..., h, w)"
        )
    cells = density.reshape(-1, 1, *density.shape[-2:])
    blocks = F.avg_pool2d(cells, k, ceil_mode=True, divisor_override=1)
    return blocks.reshape(*density.shape[:-2], *blocks.shape[-2:])
