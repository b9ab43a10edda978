"""The loss `bsl`: structural similarity at several scales, and nobody in the background."""

from math import sqrt
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_cfanet.targets import crowd_cells
from crowdkit_core.errors import IncompatibleError, OptionsError, require_at_least_one
from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Target
from crowdkit_core.losses import cut, map_pairs, mean_inside, mean_over_images
from crowdkit_core.metrics import ssim_map

Per = Literal["pixel", "cell"]
"""Persons per what are multiplied by the scale of `BSL`."""

C1, C2 = 0.01**2, 0.03**2
"""SSIM's constants for values up to about 1."""


def structural_loss(
    predicted: Float[Tensor, "B 1 h w"],
    wanted: Float[Tensor, "B 1 h w"],
    *,
    shares: Float[Tensor, "B 1 h w"] | None = None,
    levels: int = 3,
    window: int = 11,
    sigma: float = 1.5,
    c1: float = C1,
    c2: float = C2,
) -> Float[Tensor, " B"]:
    """1 - SSIM, averaged over the cells of a map and over ever smaller copies of it.

    SL of Rong and Li, WACV 2021, eq. 3 and 4, where SSIM is the usual one: eq. 4 prints 1 - SSIM,
    which eq. 3 would then undo. Level j is averaged over 2^j x 2^j cells, those of them that there
    are at the last row and column.

    Args:
        predicted: Map on a scale on which SSIM's constants are small.
        wanted: Map on the same scale.
        shares: Weight in [0, 1] of each cell, its share inside a region; None for 1.
        levels: How many sizes, the maps' own among them.
        window: Taps of the Gaussian window per side, odd.
        sigma: Its standard deviation in cells.
        c1: SSIM's constant beside squared means.
        c2: SSIM's constant beside variances.

    Returns:
        (B,) in [0, 2]; 0 where the maps agree.

    Example:
        >>> import torch
        >>> density = torch.rand(1, 1, 16, 16)
        >>> abs(structural_loss(density, density).item()) < 1e-6
        True
    """
    total = predicted.new_zeros(len(predicted))
    for level in range(levels):
        x, y = (F.avg_pool2d(each, 2**level, ceil_mode=True) for each in (predicted, wanted))
        inside = None if shares is None else F.avg_pool2d(shares, 2**level, ceil_mode=True)
        similarity = ssim_map(x, y, window=window, sigma=sigma, k1=sqrt(c1), k2=sqrt(c2))
        total = total + mean_inside(1 - similarity, inside)
    return total / levels


def background_share(
    density: Float[Tensor, "B 1 h w"], crowd: Bool[Tensor, "B 1 h w"]
) -> Float[Tensor, " B"]:
    """Share of the people of a map who stand in the background.

    BL of Rong and Li, WACV 2021, eq. 5: C_bg / C_total, the same at every scale of the map, so
    that it cannot be lowered by predicting fewer people everywhere. Its gradient grows without
    bound as the total falls; that of a map of less than one person in total is taken as if there
    were one. A map of nobody at all has nobody in the background. A negative cell, which the
    paper's networks cannot give, counts by its size: left out, it would be a place for a network
    whose output has no floor to hide from this loss and never to come back.

    Args:
        density: Persons per cell.
        crowd: False on the background.

    Returns:
        (B,) in [0, 1].

    Example:
        >>> import torch
        >>> crowd = torch.tensor([[[[True, True, False]]]])
        >>> density = torch.tensor([[[[2.0, 1.0, 1.0]]]])
        >>> background_share(density, crowd).item(), background_share(density / 999, crowd).item()
        (0.25, 0.25)
    """
    people = density.abs()
    total = people.flatten(1).sum(1)
    stray = people.masked_fill(crowd, 0).flatten(1).sum(1)
    with torch.no_grad():
        share = stray / total.clamp_min(torch.finfo(total.dtype).tiny)
        bounded = total.clamp_min(1)
    slope = (stray - share * total) / bounded  # 0, with the quotient's derivative
    return share + (slope - slope.detach())


class BSL(Loss):
    """Background-aware structural loss of the main density map.

    L = SL + BL of Rong and Li, WACV 2021, section 3.3: `structural_loss` of maps in persons per
    pixel times ``scale``, plus the `background_share` of the prediction. It fits any counter with
    a density map. The paper multiplies maps of the image's size by 50 so that SSIM's constants do
    not drown them; a map of stride s holds s^2 times as many persons per cell and is brought to
    persons per pixel first, so that the constants mean the same at every stride. The authors'
    release (MARUNet) multiplies persons per cell by 50 at any stride: ``per="cell"``. The paper
    prints C1 = 0.01 and C2 = 0.03, its release has their squares, as is usual for SSIM.
    Background is a cell all of whose pixels have a target density below 1e-5 persons per pixel.

    Args:
        levels: Sizes at which the structure is compared, each half the one before; the paper's K.
        scale: Factor on persons per pixel, or per cell.
        per: Which of the two.
        background: Weight of the background's share; 0 leaves the structural loss alone, which is
            what the authors' released code (MARUNet) trains with.
        window: Taps per side of SSIM's Gaussian window, odd.
        sigma: Its standard deviation in cells.
        c1: SSIM's constant beside squared means.
        c2: SSIM's constant beside variances.

    Raises:
        OptionsError: A value out of its range.
    """

    def __init__(
        self,
        *,
        levels: int = 3,
        scale: float = 50.0,
        per: Per = "pixel",
        background: float = 1.0,
        window: int = 11,
        sigma: float = 1.5,
        c1: float = C1,
        c2: float = C2,
    ) -> None:
        super().__init__()
        require_at_least_one({"levels": levels})
        for name, value in (("scale", scale), ("sigma", sigma), ("c1", c1), ("c2", c2)):
            if not value > 0:
                raise OptionsError(f"{name} is {value}, must be positive")
        if not background >= 0:
            raise OptionsError(f"background is {background}, must be at least 0")
        if window < 1 or window % 2 == 0:
            raise OptionsError(f"window is {window}, must be odd and positive")
        self.levels = levels
        self.scale = scale
        self.per: Per = per
        self.background = background
        self.window = window
        self.sigma = sigma
        self.c1, self.c2 = c1, c2

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The loss as two terms, ``structure`` and, unless it weighs nothing, ``background``."""
        density, stride = prediction.density, prediction.stride
        if density is None or stride is None:
            raise IncompatibleError(f"{self.label} needs a density map, the prediction has none")
        pairs = list(map_pairs(density, target, stride))
        factor = self.scale / stride**2 if self.per == "pixel" else self.scale
        structure = mean_over_images(
            pairs,
            lambda pair: structural_loss(
                factor * pair.predicted,
                factor * pair.wanted,
                shares=pair.shares,
                levels=self.levels,
                window=self.window,
                sigma=self.sigma,
                c1=self.c1,
                c2=self.c2,
            ),
        )
        if not self.background:
            return LossTerms.of(structure=structure)
        crowd = crowd_cells(target, stride)
        share = mean_over_images(
            pairs,
            lambda pair: background_share(
                pair.predicted, cut(crowd, pair.images, pair.size, stride)
            ),
        )
        return LossTerms.of(structure=structure, background=self.background * share)
