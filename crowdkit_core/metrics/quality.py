"""Similarity of density maps: SSIM, PSNR, and the share of people on background.

All three compare maps at full resolution, one cell per pixel: they come out far lower on coarse
maps. `at_full_resolution` brings the map of a coarser counter there.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import ShapeError
from crowdkit_core.interfaces import MapMetric, Size
from crowdkit_core.metrics.structural_similarity import ssim_map
from crowdkit_core.precision import at_least_float32

BACKGROUND = 1e-5
"""Persons per pixel of the wanted map below which CFANet calls a pixel background."""


def at_full_resolution(
    density: Float[Tensor, "B 1 h w"], *, stride: int, size: Size
) -> Float[Tensor, "B 1 H W"]:
    """A coarse map on the pixels of its image, by bilinear interpolation that keeps every person.

    Each cell hands all its people to the pixels inside the frame, in proportion to the weights of
    bilinear interpolation. Away from partial cells at the far borders that is interpolation
    between the centres of cells, divided by ``stride ** 2``. A map of stride 1 stays as it is.

    Args:
        density: (B, 1, h, w) persons per cell.
        stride: Pixels per cell side.
        size: (H, W) of the images in pixels.

    Returns:
        (B, 1, H, W) persons per pixel; sums are those of ``density``.

    Raises:
        ShapeError: The map is not the stride-``stride`` map of an image of that size.

    Example:
        >>> at_full_resolution(torch.tensor([[[[0.0, 4.0]]]]), stride=2, size=(2, 4))[0, 0, 0]
        tensor([0.0000, 0.2500, 0.7500, 1.0000])
    """
    cells = tuple(-(-side // stride) for side in size)
    if density.ndim != 4 or density.shape[1:] != (1, *cells):
        raise ShapeError(
            f"density has shape {tuple(density.shape)}, expected (B, 1, {cells[0]}, {cells[1]}) "
            f"for stride {stride} and an image of {size[0]} x {size[1]}"
        )
    rows, columns = (_handed_out(side, stride, like=density) for side in size)
    return rows.mT @ density @ columns


def ssim(
    predicted: Float[Tensor, "B 1 h w"],
    actual: Float[Tensor, "B 1 h w"],
    *,
    roi: Bool[Tensor, "B h w"] | None = None,
) -> Float[Tensor, ""]:
    """Mean over images of the structural similarity of density maps, 1 where they agree.

    Both maps are divided by the larger of their maxima; `ssim_map` with a Gaussian window of 11
    and sigma 1.5 is averaged over the cells inside the region. Source: the protocol of CFANet
    (WACV 2021, Table 5) in the authors' code.

    Args:
        predicted: (B, 1, h, w) persons per cell, at full resolution.
        actual: (B, 1, h, w) persons per cell of the wanted maps.
        roi: (B, h, w) where people count, False on padding too; None for everywhere.

    Raises:
        ShapeError: Shapes differ.

    Example:
        >>> ssim(torch.eye(16)[None, None], torch.eye(16)[None, None]).item()
        1.0
    """
    return mean_of_defined(ssim_by_image(predicted, actual, roi=roi))


def psnr(
    predicted: Float[Tensor, "B 1 h w"],
    actual: Float[Tensor, "B 1 h w"],
    *,
    roi: Bool[Tensor, "B h w"] | None = None,
) -> Float[Tensor, ""]:
    """Mean over images of the peak signal-to-noise ratio of density maps, in decibels.

    ``10 log10(1 / mse)`` of both maps divided by the larger of their maxima, over the cells
    inside the region; the protocol is that of `ssim`. Maps that agree exactly (such as those
    without anyone) have an infinite ratio and are left out of the mean; NaN when none is left.

    Args:
        predicted: (B, 1, h, w) persons per cell, at full resolution.
        actual: (B, 1, h, w) persons per cell of the wanted maps.
        roi: (B, h, w) where people count, False on padding too; None for everywhere.

    Raises:
        ShapeError: Shapes differ.

    Example:
        >>> psnr(torch.tensor([[[[0.9, 0.1]]]]), torch.tensor([[[[1.0, 0.0]]]])).round().item()
        20.0
    """
    return mean_of_defined(psnr_by_image(predicted, actual, roi=roi))


def background_ratio(
    predicted: Float[Tensor, "B 1 h w"],
    actual: Float[Tensor, "B 1 h w"],
    *,
    roi: Bool[Tensor, "B h w"] | None = None,
    threshold: float = BACKGROUND,
) -> Float[Tensor, ""]:
    """Mean over images of the false recognition ratio: the share of people seen on background.

    r_bg of CFANet (WACV 2021, Table 6): the predicted count where the wanted map is below
    ``threshold``, over the predicted count. The paper leaves open whether counts are pooled over
    images first; here each image has its ratio. Negative cells count as 0, so that a ratio lies
    in [0, 1]; it is 0 where nobody is predicted, and 1 where someone is and nobody is there.

    Args:
        predicted: (B, 1, h, w) persons per cell, at full resolution.
        actual: (B, 1, h, w) persons per cell of the wanted maps.
        roi: (B, h, w) where people count, False on padding too; None for everywhere.
        threshold: Persons per cell; the paper's is for maps at full resolution.

    Raises:
        ShapeError: Shapes differ.

    Example:
        >>> background_ratio(torch.tensor([[[[3.0, 1.0]]]]), torch.tensor([[[[3.0, 0.0]]]])).item()
        0.25
    """
    return mean_of_defined(
        background_ratio_by_image(predicted, actual, roi=roi, threshold=threshold)
    )


def ssim_by_image(
    predicted: Float[Tensor, "B 1 h w"],
    actual: Float[Tensor, "B 1 h w"],
    *,
    roi: Bool[Tensor, "B h w"] | None = None,
) -> Float[Tensor, " B"]:
    """(B,) SSIM of each image, NaN where its region is empty; arguments and errors as of `ssim`."""
    maps, inside = _checked(predicted, actual, roi)
    x, y = _over_common_peak(maps)
    return _mean_inside(ssim_map(x, y), inside)


def psnr_by_image(
    predicted: Float[Tensor, "B 1 h w"],
    actual: Float[Tensor, "B 1 h w"],
    *,
    roi: Bool[Tensor, "B h w"] | None = None,
) -> Float[Tensor, " B"]:
    """(B,) PSNR of each image, NaN where its region is empty; arguments and errors as of `psnr`."""
    maps, inside = _checked(predicted, actual, roi)
    x, y = _over_common_peak(maps)
    return -10 * _mean_inside((x - y).square(), inside).log10()


def background_ratio_by_image(
    predicted: Float[Tensor, "B 1 h w"],
    actual: Float[Tensor, "B 1 h w"],
    *,
    roi: Bool[Tensor, "B h w"] | None = None,
    threshold: float = BACKGROUND,
) -> Float[Tensor, " B"]:
    """(B,) ratio of each image; arguments and errors as of `background_ratio`."""
    maps, _ = _checked(predicted, actual, roi)
    seen = maps[0].clamp_min(0)
    count = seen.sum((1, 2, 3))
    on_background = (seen * (maps[1] < threshold)).sum((1, 2, 3))
    return on_background / count.where(count > 0, 1.0)


def mean_of_defined(values: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """Mean of the values that are finite; NaN if none is."""
    return values[values.isfinite()].mean()


class SSIM(MapMetric):
    """Structural similarity of density maps, 1 where they agree.

    The function is `ssim`.

    Reference: Rong and Li, Coarse- and Fine-grained Attention Network with Background-aware Loss
    for Crowd Density Map Estimation, WACV 2021, Table 5
    """

    title = "SSIM"

    def by_image(self, predicted: Tensor, target: Tensor, roi: Tensor) -> Tensor:
        """Of each image, `ssim_by_image`."""
        return ssim_by_image(predicted, target, roi=roi)


class PSNR(MapMetric):
    """Peak signal-to-noise ratio of density maps in decibels, infinite where they agree.

    The function is `psnr`.

    Reference: Rong and Li, Coarse- and Fine-grained Attention Network with Background-aware Loss
    for Crowd Density Map Estimation, WACV 2021, Table 5
    """

    title = "PSNR (dB)"
    digits = 2

    def by_image(self, predicted: Tensor, target: Tensor, roi: Tensor) -> Tensor:
        """Of each image, `psnr_by_image`."""
        return psnr_by_image(predicted, target, roi=roi)


class BackgroundRatio(MapMetric):
    """Share of the predicted people who stand where nobody is (false recognition ratio).

    The function is `background_ratio`.

    Reference: Rong and Li, Coarse- and Fine-grained Attention Network with Background-aware Loss
    for Crowd Density Map Estimation, WACV 2021, Table 6

    Args:
        threshold: Persons per pixel of the annotated map below which nobody is there.
    """

    title = "background"
    digits = 4
    higher_is_better = False

    def __init__(self, *, threshold: float = BACKGROUND) -> None:
        self.threshold = threshold
        self.note = f"share of the predicted people where the annotated map is below {threshold:g}"

    def by_image(self, predicted: Tensor, target: Tensor, roi: Tensor) -> Tensor:
        """Of each image, `background_ratio_by_image`."""
        return background_ratio_by_image(predicted, target, roi=roi, threshold=self.threshold)


def _handed_out(length: int, stride: int, *, like: Tensor) -> Float[Tensor, "cells length"]:
    """Share of its people that each cell of a side hands to each pixel; rows sum to 1."""
    cells = torch.eye(-(-length // stride), dtype=like.dtype, device=like.device)
    weights = F.interpolate(cells[None], scale_factor=float(stride), mode="linear")[0, :, :length]
    return weights / weights.sum(1, keepdim=True)


def _checked(predicted: Tensor, actual: Tensor, roi: Tensor | None) -> tuple[Tensor, Tensor]:
    """(2, B, 1, h, w) both maps inside the region in float32 or better, and where that is."""
    if predicted.ndim != 4 or predicted.shape != actual.shape:
        raise ShapeError(
            f"density maps have shapes {tuple(predicted.shape)} and {tuple(actual.shape)}, "
            "expected (B, 1, h, w) twice"
        )
    if roi is not None and roi.shape != predicted[:, 0].shape:
        raise ShapeError(
            f"region has shape {tuple(roi.shape)}, expected {tuple(predicted[:, 0].shape)}"
        )
    inside = torch.ones_like(predicted, dtype=torch.bool) if roi is None else roi[:, None]
    maps = torch.stack([predicted, actual])
    return at_least_float32(maps) * inside, inside


def _over_common_peak(maps: Tensor) -> Tensor:
    """Each image's two maps divided by the larger of their maxima, if that is positive."""
    peak = maps.amax((0, 2, 3, 4))[:, None, None, None]
    return maps / peak.where(peak > 0, 1.0)


def _mean_inside(values: Tensor, inside: Tensor) -> Float[Tensor, " B"]:
    return (values * inside).sum((1, 2, 3)) / inside.sum((1, 2, 3))
