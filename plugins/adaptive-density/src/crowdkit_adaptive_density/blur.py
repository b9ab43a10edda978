"""Blur dot maps with Gaussians of several widths, fixed or learned."""

from collections.abc import Sequence
from math import ceil

import torch
from jaxtyping import Float
from kornia.filters import get_gaussian_kernel1d
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.density import gaussian_blur_dots, place_gaussians_batch
from crowdkit_core.interfaces import Size

TRUNCATE = 3.0
"""Standard deviations after which a kernel ends: a window of 2 ceil(3 sigma) + 1 pixels."""


def dot_maps(
    points: Sequence[Float[Tensor, "_ 2"]], size: Size, *, stride: int = 1
) -> Float[Tensor, "B 1 h w"]:
    """One person in the cell of every point; a point on a border between cells is shared.

    Args:
        points: Per image (N, 2) pixels.
        size: (H, W) of the images.
        stride: Pixels per cell side.

    Example:
        >>> dot_maps([torch.tensor([[0.5, 0.5], [3.0, 0.5]])], (1, 4)).tolist()
        [[[[1.0, 0.0, 0.5, 0.5]]]]
    """
    # Deltas: no one is outside the frame, and none is lost at its border.
    dots = place_gaussians_batch(points, [0.0] * len(points), [size] * len(points), stride=stride)
    return torch.stack(dots).unsqueeze(1)


class FixedBlur(nn.Module):
    """Gaussian blurs of several widths, see `gaussian_blur_dots`: nobody is lost at the border.

    Args:
        sigmas: Widths in pixels.
    """

    def __init__(self, sigmas: Sequence[float]) -> None:
        super().__init__()
        self.sigmas = tuple(sigmas)

    def forward(self, dots: Float[Tensor, "B 1 H W"]) -> Float[Tensor, "B k H W"]:
        """Persons per pixel, one map for each width; every map sums to the dots' sum."""
        blurred = [gaussian_blur_dots(dots, sigma, truncate=TRUNCATE) for sigma in self.sigmas]
        return torch.cat(blurred, dim=1)


class LearnedBlur(nn.Module):
    """Convolutions with kernels that are learned, and begin as those of `FixedBlur`.

    What the border cuts off the initial Gaussian is given back as in `FixedBlur`, so that the
    maps begin the same; what learning makes of the kernels' sums is theirs. The convolution is a
    product of Fourier transforms: a window of 97 x 97 has no separable shape to be fast with.

    Args:
        sigmas: Widths in pixels of the initial Gaussians.
    """

    def __init__(self, sigmas: Sequence[float]) -> None:
        super().__init__()
        profiles = [_profile(sigma) for sigma in sigmas]
        self.kernels = nn.ParameterList(torch.outer(each, each) for each in profiles)
        for number, profile in enumerate(profiles):
            self.register_buffer(f"profile{number}", profile, persistent=False)

    def forward(self, dots: Float[Tensor, "B 1 H W"]) -> Float[Tensor, "B k H W"]:
        """One map for each kernel."""
        blurred = [
            _convolve(dots / _mass_inside(self.get_buffer(f"profile{number}"), dots), kernel)
            for number, kernel in enumerate(self.kernels)
        ]
        return torch.cat(blurred, dim=1)


def _profile(sigma: float) -> Tensor:
    """(window,) weights of a Gaussian along one side; they sum to 1."""
    profile: Tensor = get_gaussian_kernel1d(2 * ceil(TRUNCATE * sigma) + 1, sigma)[0]
    return profile


def _mass_inside(profile: Tensor, dots: Tensor) -> Tensor:
    """(H, W) share of a Gaussian centred on each pixel that lies inside the frame."""
    rows, columns = (
        F.conv1d(profile.new_ones(1, 1, side), profile[None, None], padding=len(profile) // 2)[0, 0]
        for side in dots.shape[-2:]
    )
    return torch.outer(rows, columns)


def _convolve(maps: Tensor, kernel: Tensor) -> Tensor:
    """Convolution with one odd square kernel, zeros outside, of the size of ``maps``."""
    height, width = maps.shape[-2:]
    radius = len(kernel) // 2
    size = (height + 2 * radius, width + 2 * radius)
    product = torch.fft.rfft2(maps, size) * torch.fft.rfft2(kernel, size)
    inside: Tensor = torch.fft.irfft2(product, size)
    return inside[..., radius : radius + height, radius : radius + width]
