"""Counts by image region, and GAME, the error that also sees where people were counted."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.interfaces import Size


def game(
    density: Float[Tensor, "B 1 h w"] | Float[Tensor, "h w"],
    points: Sequence[Float[Tensor, "N 2"]] | Float[Tensor, "N 2"],
    *,
    level: int,
    stride: int = 1,
    size: Size | None = None,
) -> Float64[Tensor, ""]:
    """Grid average mean absolute error, GAME(L), the mean over images.

    The image is cut into 4^L regions by `region_sums`' grid; an image's error is the sum of
    ``|predicted - annotated|`` over its regions. GAME(0) is the MAE, and GAME grows with L.
    Source: Guerrero-Gomez-Olmedo et al., Extremely overlapping vehicle counting, IbPRIA 2015.

    Args:
        density: (B, 1, h, w) persons per cell, or (h, w) for one image.
        points: Per image (N, 2) pixels of the image, or one such tensor with one image.
        level: L; 2^L regions along each side.
        stride: Pixels per cell side of ``density``.
        size: (H, W) of the images in pixels; (h * stride, w * stride) when None.

    Raises:
        ShapeError: Shapes do not fit together.
        UsageError: ``level`` is negative.

    Example:
        >>> density = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> points = torch.tensor([[0.5, 0.5], [0.5, 1.5]])
        >>> [game(density, points, level=level).item() for level in (0, 1)]
        [0.0, 2.0]
    """
    return game_by_image(density, points, level=level, stride=stride, size=size).mean()


def game_by_image(
    density: Float[Tensor, "B 1 h w"] | Float[Tensor, "h w"],
    points: Sequence[Float[Tensor, "N 2"]] | Float[Tensor, "N 2"],
    *,
    level: int,
    stride: int = 1,
    size: Size | None = None,
) -> Float64[Tensor, " B"]:
    """(B,) GAME(L) of each image; arguments and errors as of `game`."""
    if level < 0:
        raise UsageError(f"GAME has no level {level}, expected 0 or more")
    maps = density[None, None] if density.ndim == 2 else density
    point_sets = [points] if isinstance(points, Tensor) else list(points)
    if len(point_sets) != len(maps):
        raise ShapeError(f"{len(maps)} density maps came with {len(point_sets)} sets of points")
    size = size or (maps.shape[-2] * stride, maps.shape[-1] * stride)
    predicted = region_sums(maps, 2**level, stride=stride, size=size)
    annotated = torch.stack([region_counts(p, 2**level, size=size) for p in point_sets])
    return (predicted - annotated.to(predicted.device)).abs().sum((1, 2))


def region_sums(
    density: Float[Tensor, "B 1 h w"], divisions: int, *, stride: int, size: Size
) -> Float64[Tensor, "B n n"]:
    """People in each region of a grid laid over the image.

    Borders lie at ``round(i * H / n)`` and ``round(i * W / n)`` pixels, so that grids of n and
    2n regions a side nest; a cell that a border cuts is shared out by area.

    Args:
        density: (B, 1, h, w) persons per cell.
        divisions: n, regions along each side.
        stride: Pixels per cell side.
        size: (H, W) of the images in pixels.

    Raises:
        ShapeError: The map is not the stride-``stride`` map of an image of that size.
    """
    height, width = density.shape[-2:]
    expected = (-(-size[0] // stride), -(-size[1] // stride))
    if density.ndim != 4 or density.shape[1] != 1 or (height, width) != expected:
        raise ShapeError(
            f"density has shape {tuple(density.shape)}, expected (B, 1, {expected[0]}, "
            f"{expected[1]}) for stride {stride} and an image of {size[0]} x {size[1]}"
        )
    rows = _overlaps(size[0], height, stride, divisions).to(density.device)
    columns = _overlaps(size[1], width, stride, divisions).to(density.device)
    return rows @ density[:, 0].double() @ columns.T


def region_counts(
    points: Float[Tensor, "N 2"], divisions: int, *, size: Size
) -> Float64[Tensor, "n n"]:
    """Number of points in each region of the grid of `region_sums`.

    Regions hold their top and left borders; a point on the image's far border belongs to the
    last region.

    Args:
        points: (N, 2) pixels.
        divisions: n, regions along each side.
        size: (H, W) of the image in pixels.

    Raises:
        ShapeError: Points are not (N, 2).
    """
    if points.ndim != 2 or points.shape[1] != 2:
        raise ShapeError(f"points have shape {tuple(points.shape)}, expected (N, 2)")
    column = region_index(points[:, 0], size[1], divisions)
    row = region_index(points[:, 1], size[0], divisions)
    counts = torch.bincount(row * divisions + column, minlength=divisions**2)
    return counts.reshape(divisions, divisions).double()


def region_index(position: Float[Tensor, " N"], length: int, divisions: int) -> Int64[Tensor, " N"]:
    """Row or column of `region_sums`' grid in which positions along a side lie.

    Args:
        position: (N,) pixels from the side's start.
        length: Pixels of the side.
        divisions: n, regions along it.

    Returns:
        (N,) in [0, n), on the CPU.

    Example:
        >>> region_index(torch.tensor([0.0, 4.9, 5.0, 10.0]), 10, 2).tolist()
        [0, 0, 1, 1]
    """
    inside = position.detach().cpu().double().clamp(0, length)
    last = torch.nextafter(torch.tensor(float(length)).double(), torch.zeros(()).double())
    borders = _borders(length, divisions)
    return torch.bucketize(inside.clamp(max=last), borders[1:-1].contiguous(), right=True)


def _borders(length: int, divisions: int) -> Float64[Tensor, " m"]:
    borders = [round(i * length / divisions) for i in range(divisions + 1)]
    return torch.tensor(borders, dtype=torch.float64)


def _overlaps(length: int, cells: int, stride: int, divisions: int) -> Float64[Tensor, "n cells"]:
    """Share of each cell of a side that lies in each region."""
    start = torch.arange(cells, dtype=torch.float64) * stride
    end = (start + stride).clamp(max=length)
    borders = _borders(length, divisions)
    inside = torch.minimum(end, borders[1:, None]) - torch.maximum(start, borders[:-1, None])
    return inside.clamp_min(0) / (end - start)
