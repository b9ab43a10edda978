"""Structural similarity of maps, as the field's training code computes it."""

import torch
from jaxtyping import Float
from kornia.filters import get_gaussian_kernel1d
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.precision import without_autocast


def ssim_map(
    x: Float[Tensor, "B 1 h w"],
    y: Float[Tensor, "B 1 h w"],
    *,
    window: int = 11,
    sigma: float = 1.5,
    dilation: int = 1,
    data_range: float = 1.0,
    k1: float = 0.01,
    k2: float = 0.03,
) -> Float[Tensor, "B 1 h w"]:
    """Structural similarity around every cell: luminance, contrast and structure in one number.

    ((2 mu_x mu_y + C1)(2 sigma_xy + C2)) / ((mu_x^2 + mu_y^2 + C1)(sigma_x^2 + sigma_y^2 + C2))
    of Wang et al., Image Quality Assessment, IEEE TIP 2004, eq. 13, with C1 = (k1 L)^2 and
    C2 = (k2 L)^2 for data range L and Gaussian windows. Beyond its border a map is zero, where
    image libraries reflect it: that is what SANet, CFANet and DSSINet train and evaluate with.
    Always in float32 or better, also under autocast. Differentiable.

    Args:
        x: (B, 1, h, w).
        y: (B, 1, h, w).
        window: Taps per side, odd.
        sigma: Standard deviation of the window in taps.
        dilation: Cells from one tap to the next.
        data_range: L; 1 for persons per cell and what is proportional to it.
        k1: Share of L below which a mean is as good as 0.
        k2: Share of L below which a deviation is as good as 0.

    Returns:
        (B, 1, h, w) in [-1, 1], and 1 where the maps agree.

    Raises:
        ShapeError: The maps differ in shape.
        UsageError: ``window`` is even or not positive.

    Example:
        >>> density = torch.rand(1, 1, 8, 8)
        >>> bool((ssim_map(density, density) > 0.9999).all())
        True
    """
    if x.shape != y.shape:
        raise ShapeError(f"maps to compare are {tuple(x.shape)} and {tuple(y.shape)}")
    if window < 1 or window % 2 == 0:
        raise UsageError(f"SSIM window is {window} taps, expected an odd number")
    dtype = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
    with without_autocast(x.device):
        x, y = x.to(dtype), y.to(dtype)
        kernel = get_gaussian_kernel1d(window, sigma, device=x.device, dtype=dtype)
        reach = dilation * (window // 2)
        # Variances do not depend on where zero is, but their rounding does: it is the mean here.
        origin_x, origin_y = (each.detach().mean((-2, -1), keepdim=True) for each in (x, y))
        x, y = F.pad(x, [reach] * 4) - origin_x, F.pad(y, [reach] * 4) - origin_y
        moments = _blur(torch.cat([x, y, x * x, y * y, x * y]), kernel, dilation)
        mean_x, mean_y, square_x, square_y, product = moments.chunk(5)
        variance_x = (square_x - mean_x**2).clamp_min(0)
        variance_y = (square_y - mean_y**2).clamp_min(0)
        bound = (variance_x + variance_y) / 2  # of any covariance, unless rounding breaks it
        covariance = (product - mean_x * mean_y).clamp(-bound, bound)
        mean_x, mean_y = mean_x + origin_x, mean_y + origin_y
        c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
        luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        return luminance * (2 * covariance + c2) / (variance_x + variance_y + c2)


def _blur(maps: Tensor, kernel: Tensor, dilation: int) -> Tensor:
    taps = kernel.reshape(1, 1, 1, -1)
    rows = F.conv2d(maps, taps, dilation=(1, dilation))
    return F.conv2d(rows, taps.mT, dilation=(dilation, 1))
