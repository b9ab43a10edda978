"""Blur dot maps that are already on a grid."""

from math import ceil, inf

import torch
from jaxtyping import Float
from kornia.filters import gaussian_blur2d
from torch import Tensor

from crowdkit_core.errors import ShapeError, UsageError


def gaussian_blur_dots(
    dots: Float[Tensor, "B 1 H W"], sigma: float, *, truncate: float = 4.0
) -> Float[Tensor, "B 1 H W"]:
    """Blur dot maps without losing anyone at the borders.

    Every cell is divided by the part of the kernel that lies inside the frame before it is
    blurred, so that its mass stays inside: the sums of ``dots`` are kept for any content.
    Differentiable in ``dots``. For points, `place_gaussians` is faster and not bound to a grid.

    Args:
        dots: (B, 1, H, W), persons per cell.
        sigma: Standard deviation in cells, positive.
        truncate: Standard deviations after which the kernel, sampled at whole cells, is cut off.

    Returns:
        (B, 1, H, W), persons per cell.

    Raises:
        ShapeError: ``dots`` is not floating point (B, 1, H, W).
        UsageError: ``sigma`` or ``truncate`` is not positive and finite.

    Example:
        >>> import torch
        >>> dots = torch.zeros(1, 1, 9, 9)
        >>> dots[0, 0, 0, 0] = 3
        >>> round(gaussian_blur_dots(dots, 2.0).sum().item(), 4)
        3.0
    """
    if dots.ndim != 4 or dots.shape[1] != 1 or not dots.is_floating_point():
        raise ShapeError(
            f"dots to blur are {dots.dtype} {tuple(dots.shape)}, expected float (B, 1, H, W)"
        )
    for name, value in (("sigma", sigma), ("truncate", truncate)):
        if not 0 < value < inf:
            raise UsageError(f"{name} of a blur is {value}, expected a positive number")
    radii = [min(ceil(truncate * sigma), side - 1) for side in dots.shape[-2:]]
    kernel = (2 * radii[0] + 1, 2 * radii[1] + 1)

    def blur(image: Tensor) -> Tensor:
        blurred: Tensor = gaussian_blur2d(image, kernel, (sigma, sigma), border_type="constant")
        return blurred

    inside = blur(torch.ones_like(dots[:1]))
    return blur(dots / inside)
