"""Count an image in the five ways of the paper's Table 2, each as a map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.interfaces import (
    LocalizedPoints,
    Prediction,
    Size,
    cell_shares,
    points_inside,
)
from crowdkit_raznet.fusion import density_cells, dot_map, fuse_maps, point_cells

Way = Literal["density", "localization", "localization+", "average", "fusion"]
"""The rows of the paper's Table 2."""

WAYS_OF_POINTS: tuple[Way, ...] = ("localization", "localization+")
WAYS: tuple[Way, ...] = ("density", *WAYS_OF_POINTS, "average", "fusion")

CountMaps = Mapping[str, tuple[Tensor, int]]
"""(1, 1, h, w) persons per cell of each way of counting one image, and the map's stride."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the networks found in one image.

    Attributes:
        prediction: Main-Net's, for a batch of this image.
        first: Points of Main-Net.
        points: Points after zooming.
    """

    prediction: Prediction
    first: LocalizedPoints
    points: LocalizedPoints


def count_maps(
    found: Findings, fusion_threshold: Float[Tensor, " 16"] | None, size: Size
) -> CountMaps:
    """Every way of counting one image; the best comes last.

    Points alone are counted pixel by pixel, so that a region has exactly those inside it.

    Args:
        found: In the image.
        fusion_threshold: (16,) persons in each part of the image; None leaves out the fusion.
        size: (H, W) of the image in pixels.
    """
    points = {
        "localization": (_dots(found.first, 1, size), 1),
        "localization+": (_dots(found.points, 1, size), 1),
    }
    density, stride = found.prediction.density, found.prediction.stride
    if density is None or stride is None:
        return points
    ways = {
        "density": (density, stride),
        **points,
        "average": ((density + _dots(found.points, stride, size)) / 2, stride),
    }
    if fusion_threshold is None:
        return ways
    fused = fuse_maps(density[0, 0], found.points.xy, fusion_threshold, stride=stride, size=size)
    return {**ways, "fusion": (fused[None, None], stride)}


def _dots(points: LocalizedPoints, stride: int, size: Size) -> Float[Tensor, "1 1 h w"]:
    return dot_map(points.xy, stride=stride, size=size)[None, None]


def counted_in_all_ways(
    findings: Sequence[Findings],
    fusion_threshold: Float[Tensor, " 16"] | None,
    size: Size,
    *,
    count_by: Way | None = None,
) -> Prediction:
    """What was found in images of one size, counted.

    Args:
        findings: One for each image.
        fusion_threshold: As of `count_maps`.
        size: (H, W) of the images in pixels.
        count_by: The way that is the count; the best there is when None, or when it is not there.
    """
    maps_of_images = [count_maps(each, fusion_threshold, size) for each in findings]
    by_way = {name: _joined([each[name] for each in maps_of_images]) for name in maps_of_images[0]}
    best = by_way[count_by if count_by in by_way else next(reversed(by_way))]
    return Prediction(
        count=best.count,
        density=best.density,
        stride=best.stride,
        maps={
            name: torch.cat([each.prediction.maps[name] for each in findings])
            for name in findings[0].prediction.maps
        },
        counts={name: each.count for name, each in by_way.items()},
        count_maps=by_way,
        points=[each.points for each in findings],
    )


def _joined(maps: Sequence[tuple[Tensor, int]]) -> Prediction:
    """The maps of one way of counting, one per image, as a batch."""
    densities, (stride, *_) = zip(*maps, strict=True)
    return Prediction.from_density(torch.cat(densities), stride)


def counts_of_parts(
    found: Findings, heads: Tensor, roi: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """(16,) people of the density map, found points and heads in each part of an image."""
    density, stride = found.prediction.density, found.prediction.stride
    assert density is not None  # callers have a counting branch
    assert stride is not None
    (height, width) = found.prediction.maps["localization"].shape[-2:]
    size, xy = (height, width), found.points.xy
    if roi is not None:
        region = roi.to(density.device)
        density = density * cell_shares(region[None], stride)
        xy, heads = xy[points_inside(xy, region)], heads[points_inside(heads, roi)]
    return (
        density_cells(density, stride=stride, size=size)[0].cpu(),
        point_cells(xy, size=size).cpu(),
        point_cells(heads, size=size).cpu(),
    )
