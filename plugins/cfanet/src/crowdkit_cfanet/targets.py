"""Make the targets of attention from any density map: where the crowd is, and how dense.

Both follow from the density map at full resolution, in persons per pixel: a pixel of less than
1e-5 is background (Rong and Li, WACV 2021, section 4.1).
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.interfaces import Dataset, DensityGenerator, Target
from crowdkit_core.metrics import BACKGROUND

Interpolation = Literal["bilinear", "nearest"]
"""How a coarse attention map becomes smaller: soft values, or that of a cell's centre pixel."""

QUANTILES = 2520
"""Equal shares that `density_quantiles` tells apart; 2 to 11 classes are exact among them."""

_MOST = 10.0  # persons per pixel: more than any crowd
_BINS_PER_DECADE = 10_000


def coarse_attention(
    density: Float[Tensor, "B 1 H W"], stride: int = 1, *, interpolation: Interpolation = "bilinear"
) -> Float[Tensor, "B 1 h w"]:
    """1 on the crowd, 0 on the background.

    Args:
        density: Persons per pixel.
        stride: Pixels per cell side of the result.
        interpolation: ``bilinear`` gives soft values at the crowd's border, as the authors'
            released code does; ``nearest`` keeps 0 and 1. The paper names neither.

    Returns:
        (B, 1, ceil(H / stride), ceil(W / stride)) in [0, 1].

    Example:
        >>> coarse_attention(torch.tensor([[[[0.5, 1e-5, 9e-6, 0.0]]]])).tolist()
        [[[[1.0, 1.0, 0.0, 0.0]]]]
    """
    return _reduce((density >= BACKGROUND).to(density.dtype), stride, interpolation)


def fine_classes(
    density: Float[Tensor, "B 1 H W"], borders: Float[Tensor, " K"], stride: int = 1
) -> Int[Tensor, "B h w"]:
    """Density level of every cell: 0 is the background, K the densest.

    Args:
        density: Persons per pixel.
        borders: K ascending densities; a value equal to a border belongs to the denser class.
        stride: Pixels per cell side of the result; a cell has the level of its centre pixel.

    Returns:
        (B, ceil(H / stride), ceil(W / stride)) class indices.

    Example:
        >>> density = torch.tensor([[[[0.0, 1e-5, 0.1, 0.2]]]])
        >>> fine_classes(density, torch.tensor([1e-5, 0.1])).tolist()
        [[[0, 1, 2, 2]]]
    """
    at_centres = _reduce(density.detach(), stride, "nearest").squeeze(1).contiguous()
    return torch.bucketize(at_centres, borders.to(at_centres.dtype), right=True)


def crowd_cells(target: Target, stride: int) -> Bool[Tensor, "B 1 h w"]:
    """True where a cell has any pixel of the crowd, so that the rest is background alone.

    The pixels are those of the finest map that the target's density generator can make.
    """
    strides = target.density_generator.strides or {1}
    finest = min((each for each in strides if stride % each == 0), default=stride)
    crowd = target.density(finest) >= BACKGROUND * finest**2
    return F.max_pool2d(crowd.float(), stride // finest, ceil_mode=True) > 0


def class_borders(quantiles: Float[Tensor, " Q"], classes: int) -> Float[Tensor, " K"]:
    """Borders of density levels that the crowd's pixels fill equally.

    Args:
        quantiles: As `density_quantiles` gives them.
        classes: Number of levels, the background included; at least 2.

    Returns:
        (classes - 1,) persons per pixel, the least of them `BACKGROUND`.
    """
    shares = torch.linspace(0, len(quantiles) - 1, classes, device=quantiles.device).round().long()
    inner = quantiles[shares[1:-1]]
    return torch.cat([inner.new_full((1,), BACKGROUND), inner])


@torch.no_grad()
def density_quantiles(
    dataset: Dataset, density_generator: DensityGenerator
) -> Float[Tensor, " Q"] | None:
    """Densities that divide the crowd's pixels of a data set into equal shares.

    Reads annotations only and holds one map at a time: values are counted in bins 0.023 % wide,
    within which they count as evenly spread.

    Args:
        dataset: Whose people, inside its regions.
        density_generator: Makes their maps, at full resolution.

    Returns:
        (`QUANTILES` + 1,) float32 persons per pixel, ascending; None where nobody is.
    """
    decades = torch.tensor([BACKGROUND, _MOST]).double().log10()
    bins = round(float(decades.diff()) * _BINS_PER_DECADE)
    histogram = torch.zeros(bins, dtype=torch.int64)
    for index in range(len(dataset)):
        density = _density(dataset, index, density_generator)
        crowd = density[density >= BACKGROUND].clamp_max(_MOST)
        number = (crowd.log10() - decades[0]) * _BINS_PER_DECADE
        histogram += number.long().clamp(0, bins - 1).bincount(minlength=bins)
    return _quantiles(histogram.double(), decades) if histogram.any() else None


def _density(dataset: Dataset, index: int, density_generator: DensityGenerator) -> Tensor:
    each = dataset.annotation(index)
    measured = density_generator.measure(each.points, each.size)
    target = Target(
        [each.points],
        each.size,
        density_generator,
        roi=None if each.roi is None else each.roi[None],
        lengths=[{**each.lengths, **measured}],
    )
    return target.density(1)


def _quantiles(histogram: Tensor, decades: Tensor) -> Tensor:
    filled = histogram.cumsum(0)
    wanted = torch.linspace(0, 1, QUANTILES + 1, dtype=torch.float64) * filled[-1]
    number = torch.searchsorted(filled, wanted).clamp_max(len(histogram) - 1)
    within = 1 - (filled[number] - wanted) / histogram[number].clamp_min(1)
    return (10 ** (decades[0] + (number + within) / _BINS_PER_DECADE)).float()


def _reduce(maps: Tensor, stride: int, interpolation: Interpolation) -> Tensor:
    """Values at the cells' centres; beyond the image its last row and column go on."""
    if stride == 1:
        return maps
    height, width = maps.shape[-2:]
    whole = F.pad(maps, (0, -width % stride, 0, -height % stride), mode="replicate")
    size = [side // stride for side in whole.shape[-2:]]
    if interpolation == "nearest":
        return F.interpolate(whole, size, mode="nearest-exact")
    return F.interpolate(whole, size, mode="bilinear", align_corners=False)
