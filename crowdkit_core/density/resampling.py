"""Resample a density map to another grid of cells, with every person kept."""

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.interfaces import Size
from crowdkit_core.precision import without_autocast


def resample_density(
    density: Float[Tensor, "B 1 h w"], size: Size, *, stride: int
) -> Float[Tensor, "B 1 hs ws"]:
    """Share out a map's people among the cells of an image of another size.

    A network that resizes its image predicts a map of the resized image; this is that map in the
    original pixels. Each cell hands its people to the new cells in proportion to the area it
    shares with them, so sums stay as they are, and a map whose cells are the new ones comes
    back as it is. Differentiable.

    Args:
        density: (B, 1, h, w) persons per cell; h x w equal cells that cover the whole frame.
        size: (H, W) of the image in pixels.
        stride: Pixels per cell side of the new map, at least 1; its last row and column of cells
            may be partial.

    Returns:
        (B, 1, ceil(H / stride), ceil(W / stride)) persons per cell.

    Raises:
        UsageError: ``stride`` or a side of ``size`` is less than 1.
        ShapeError: ``density`` is not a floating point (B, 1, h, w).

    Example:
        >>> resample_density(torch.tensor([[[[2.0, 4.0]]]]), (1, 3), stride=1).round(decimals=4)
        tensor([[[[1.3333, 2.0000, 2.6667]]]])
    """
    if stride < 1 or min(size) < 1:
        raise UsageError(f"cannot make cells of {stride} pixels in {size}, expected at least 1")
    if density.ndim != 4 or not density.is_floating_point():
        raise ShapeError(
            f"density to resample is {density.dtype} {tuple(density.shape)}, expected float "
            "(B, 1, h, w)"
        )
    if size == (density.shape[-2] * stride, density.shape[-1] * stride):
        return density
    rows, columns = (
        _shares(cells, length, stride, like=density)
        for cells, length in zip(density.shape[-2:], size, strict=True)
    )
    with without_autocast(density.device):  # mixed precision would round people away
        return rows @ density @ columns.mT


def _shares(cells: int, length: int, stride: int, *, like: Tensor) -> Tensor:
    """(new, old) share of each old cell that each new one covers; every column sums to 1."""
    # In units of which an old cell has `length` and a pixel `cells`, all borders are whole.
    old = torch.arange(cells + 1, device=like.device) * length
    new = torch.arange(-(-length // stride) + 1, device=like.device) * (stride * cells)
    new.clamp_(max=length * cells)
    first = torch.maximum(new[:-1, None], old[:-1])
    last = torch.minimum(new[1:, None], old[1:])
    return (last - first).clamp_min(0).to(like.dtype) / length
