"""Place Gaussians on a grid of cells: exact, normalised inside the frame, at any stride."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil, inf, sqrt
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.density.tiles import Gaussians, sum_gaussians
from crowdkit_core.errors import DataError, ShapeError, UsageError
from crowdkit_core.interfaces.samples import Size

Convention = Literal["standard", "half"]
"""``standard``: exp(-r^2 / (2 sigma^2)); ``half``: exp(-r^2 / sigma^2), as RAZNet prints it,
whose standard deviation is sigma / sqrt(2)."""

_LEAST_SIGMA = 1e-3  # pixels; narrower Gaussians are the same: all mass in the point's own cell
_CELLS_AT_ONCE = 2**21  # of maps made in one go, so that they stay in cache


def place_gaussians(
    points: Float[Tensor, "N 2"],
    sigmas: Float[Tensor, " N"] | float,
    size: Size,
    *,
    stride: int = 1,
    convention: Convention = "standard",
    truncate: float = 4.0,
    window: int | None = None,
) -> Float[Tensor, "h w"]:
    """The density map of one image: a Gaussian of mass exactly 1 for every point.

    A cell holds the *integral* of the Gaussians over it, from differences of erf; no map of
    another resolution is made on the way, and a map placed at stride s is the stride-1 map
    sum-pooled by s. What the border or the truncation cuts off a Gaussian is given back to the
    rest of it. Differentiable in ``points`` and ``sigmas``.

    Args:
        points: (N, 2) pixels (x, y), corner convention. Points outside are moved onto the border.
        sigmas: (N,) pixels, or one for all. At most 0.001, 0 included, is a Dirac delta.
        size: (H, W) of the image in pixels.
        stride: Pixels per cell side.
        convention: What sigma means.
        truncate: Half the side of the square outside which a Gaussian is cut off, in its
            standard deviations. A Gaussian has 1.3e-4 of its mass outside 4 of them, 1.2e-6
            outside 5.
        window: The side of that square in pixels instead, for kernels published with a window.
            Published code samples such a kernel at the centres of pixels round the pixel of the
            point; here the square is centred on the point itself and the kernel integrated.

    Returns:
        (ceil(H / stride), ceil(W / stride)) persons per cell, in the dtype of ``points``.

    Raises:
        ShapeError: Points that are not (N, 2), or not one sigma for each.
        DataError: A point is not finite; a sigma is negative or not finite.
        UsageError: A size, stride, truncation or window that is not positive.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.5, 0.5], [5.0, 4.0]])
        >>> place_gaussians(points, 2.0, (5, 7), stride=4).sum().item()
        2.0
    """
    return place_gaussians_batch(
        [points],
        [sigmas],
        [size],
        stride=stride,
        convention=convention,
        truncate=truncate,
        window=window,
    )[0]


def place_gaussians_batch(
    points: Sequence[Float[Tensor, "_ 2"]],
    sigmas: Sequence[Float[Tensor, " _"] | float],
    sizes: Sequence[Size],
    *,
    stride: int = 1,
    convention: Convention = "standard",
    truncate: float = 4.0,
    window: int | None = None,
) -> list[Float[Tensor, "_ _"]]:
    """`place_gaussians` for many images, of any sizes, at the cost of one.

    Args:
        points: Per image (N, 2) pixels.
        sigmas: Per image (N,) pixels, or one for all its points.
        sizes: Per image (H, W) in pixels.
        stride: Pixels per cell side.
        convention: What sigma means.
        truncate: See `place_gaussians`.
        window: See `place_gaussians`.

    Returns:
        Per image (ceil(H / stride), ceil(W / stride)) persons per cell.

    Raises:
        CrowdkitError: As `place_gaussians`; names the image by its index.
    """
    _check_options(stride, truncate, window)
    _check_inputs(points, sigmas, sizes)
    return [
        density
        for part in _parts(sizes, stride)
        for density in _place(
            points[part], sigmas[part], sizes[part], stride, convention, truncate, window
        )
    ]


def _place(
    points: Sequence[Tensor],
    sigmas: Sequence[Tensor | float],
    sizes: Sequence[Size],
    stride: int,
    convention: Convention,
    truncate: float,
    window: int | None,
) -> list[Tensor]:
    xy = torch.cat(list(points))
    dtype = torch.promote_types(xy.dtype, torch.float32)
    sigma = torch.cat([_per_point(s, p) for s, p in zip(sigmas, points, strict=True)])
    lengths = torch.tensor([len(p) for p in points], device=xy.device)
    image = torch.repeat_interleave(lengths, output_size=len(xy))
    frames = torch.tensor(sizes, dtype=torch.float64, device=xy.device).flip(1) / stride
    centres = torch.minimum((xy.double() / stride).clamp_min(0), frames.index_select(0, image))
    deviations = sigma.double().clamp_min(_LEAST_SIGMA) / stride
    if convention == "half":
        deviations = deviations / sqrt(2)
    reaches = deviations * truncate
    if window is not None:
        reaches = torch.full_like(deviations, window / 2 / stride)
    return sum_gaussians(Gaussians(centres, deviations, reaches, image, frames), dtype)


def _per_point(sigma: Tensor | float, points: Tensor) -> Tensor:
    if isinstance(sigma, Tensor):
        return sigma
    return torch.full((len(points),), sigma, dtype=torch.float64, device=points.device)


def _parts(sizes: Sequence[Size], stride: int) -> Iterator[slice]:
    """Consecutive images whose maps have a bounded number of cells in all."""
    begin = cells = 0
    for i, (height, width) in enumerate(sizes):
        here = ceil(height / stride) * ceil(width / stride)
        if i > begin and cells + here > _CELLS_AT_ONCE:
            yield slice(begin, i)
            begin, cells = i, 0
        cells += here
    if sizes:
        yield slice(begin, len(sizes))


def _check_options(stride: int, truncate: float, window: int | None) -> None:
    if stride < 1:
        raise UsageError(f"stride of a density map is {stride}, expected at least 1")
    if not 0 < truncate < inf:
        raise UsageError(f"truncate is {truncate}, expected a positive number of sigmas")
    if window is not None and window < 1:
        raise UsageError(f"window is {window} pixels, expected at least 1")


def _check_inputs(
    points: Sequence[Tensor], sigmas: Sequence[Tensor | float], sizes: Sequence[Size]
) -> None:
    if not len(points) == len(sigmas) == len(sizes):
        raise ShapeError(
            f"points of {len(points)}, sigmas of {len(sigmas)} and sizes of {len(sizes)} images"
            " to place together, expected as many of each"
        )
    require_points(points)
    for i, (xy, sigma, size) in enumerate(zip(points, sigmas, sizes, strict=True)):
        if min(size) < 1:
            raise UsageError(f"size of image {i} is {size}, expected positive (H, W)")
        if isinstance(sigma, Tensor) and sigma.shape != xy.shape[:1]:
            raise ShapeError(
                f"sigmas of image {i} are {tuple(sigma.shape)}, expected ({len(xy)},):"
                " one for each point"
            )
    widths = [s if isinstance(s, Tensor) else torch.tensor([s]) for s in sigmas]
    found = _first_wrong(widths, lambda width: torch.isfinite(width) & (width >= 0))
    if found:
        i, number = found
        raise DataError(
            f"sigma {number} of image {i} is {float(widths[i][number])},"
            " expected a finite width of at least 0"
        )


def require_points(points: Sequence[Tensor]) -> None:
    """Check that points are (N, 2) and finite.

    Raises:
        ShapeError: Names the image by its index and the shape.
        DataError: Names the image and the point by their indices.
    """
    for i, xy in enumerate(points):
        if xy.ndim != 2 or xy.shape[1] != 2:
            raise ShapeError(f"points of image {i} are {tuple(xy.shape)}, expected (N, 2)")
    found = _first_wrong(points, lambda xy: torch.isfinite(xy).all(1))
    if found:
        i, number = found
        raise DataError(
            f"point {number} of image {i} is {points[i][number].tolist()}, expected finite pixels"
        )


def _first_wrong(
    values: Sequence[Tensor], is_right: Callable[[Tensor], Tensor]
) -> tuple[int, int] | None:
    """Index of the tensor, and within it, of the first entry that is not right."""
    if not values or bool(is_right(torch.cat(list(values))).all()):
        return None
    wrong = [(~is_right(value)).nonzero() for value in values]
    return next((i, int(where[0])) for i, where in enumerate(wrong) if len(where))
