"""Resample a density map to another grid of cells, with every person kept."""

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.interfaces import Size
from crowdkit_core.precision import without_autocast


def resample_density(
    density: Float[Tensor, "B 1 h w"],
    size: Size,
    *,
    stride: int,
    of: tuple[Size, int] | None = None,
) -> Float[Tensor, "B 1 hs ws"]:
    """Share out a map's people among the cells of an image of another size.

    A network that resizes its image predicts a map of the resized image; this is that map in the
    original pixels. Each cell hands its people to the new cells in proportion to the area it
    shares with them, so sums stay as they are, and a map whose cells are the new ones comes
    back as it is. Differentiable.

    Args:
        density: (B, 1, h, w) persons per cell; the cells cover the whole frame.
        size: (H, W) of the image in pixels.
        stride: Pixels per cell side of the new map, at least 1; its last row and column of cells
            may be partial.
        of: (H, W) of the image that ``density`` was made for and its stride, which tell how much
            of the last row and column of cells lies in the frame; None if all of it does.

    Returns:
        (B, 1, ceil(H / stride), ceil(W / stride)) persons per cell.

    Raises:
        UsageError: ``stride`` or a side of ``size`` is less than 1.
        ShapeError: ``density`` is not a floating point (B, 1, h, w), or not of the image ``of``.

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
    height, width = density.shape[-2:]
    old_size, old_stride = of or ((height, width), 1)
    if (height, width) != tuple(-(-length // old_stride) for length in old_size):
        raise ShapeError(
            f"density of {height} x {width} cells is not a map of stride {old_stride} of an image "
            f"of {old_size[0]} x {old_size[1]}"
        )
    if (size, stride) == of or (of is None and size == (height * stride, width * stride)):
        return density
    rows, columns = (
        _shares(_borders(old, old_stride) * new, _borders(new, stride) * old).to(density)
        for old, new in zip(old_size, size, strict=True)
    )
    with without_autocast(density.device):  # mixed precision would round people away
        return rows @ density @ columns.mT


def _borders(length: int, stride: int) -> Tensor:
    """Where cells begin, and where the last one ends, in pixels."""
    return torch.arange(0, length + stride, stride).clamp_(max=length)


def _shares(old: Tensor, new: Tensor) -> Tensor:
    """(new, old) share of each old cell that each new one covers; every column sums to 1.

    Args:
        old: Borders of the old cells, whole numbers.
        new: Borders of the new cells in the same unit.
    """
    first = torch.maximum(new[:-1, None], old[:-1])
    last = torch.minimum(new[1:, None], old[1:])
    return (last - first).clamp_min(0).double() / old.diff()
