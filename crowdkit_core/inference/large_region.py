"""Regions of images whose pixels are too many for a mask."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.files import polygons_mask
from crowdkit_core.errors import DataError
from crowdkit_core.inference.pixel_map import PixelMap, Window
from crowdkit_core.inference.roi import RoiLike, as_polygons
from crowdkit_core.interfaces import Size

OUTSIDE = 255
"""In a map of pixels: not counted at all."""


@dataclass(frozen=True, slots=True, eq=False)
class LargeRegion:
    """Where people are counted; answers are those of a mask.

    Attributes:
        pixels: `OUTSIDE` where nobody is counted.
    """

    pixels: PixelMap

    def cell_shares(self, stride: int) -> Float[Tensor, "h w"]:
        """Share of each cell inside the region, as `interfaces.cell_shares`."""
        return torch.from_numpy(self.pixels.shares(OUTSIDE, stride))

    def contains(self, points: Float[Tensor, "N 2"]) -> Bool[Tensor, " N"]:
        """Whether each point lies inside, as `interfaces.points_inside`."""
        return torch.from_numpy(self.pixels.at(points) != OUTSIDE)

    def read(self, top: int, bottom: int) -> Bool[NDArray[np.bool_], "k W"]:
        """Whether each pixel of some rows is inside."""
        inside: NDArray[np.bool_] = self.pixels.read(top, bottom) != OUTSIDE
        return inside


def large_region(roi: RoiLike, size: Size) -> LargeRegion:
    """The region of a large image that polygons cover.

    Args:
        roi: Polygons, or a JSON file of them.
        size: (H, W) of the image.

    Raises:
        DataError: The region cannot be read, is a mask, or lies outside the image.
    """
    polygons = as_polygons(roi)
    height, width = size
    if not any(_meets(polygon, size) for polygon in polygons):
        raise DataError(f"region lies outside the image ({width} x {height} pixels)")
    top = min(polygon[:, 1].min() for polygon in polygons)
    bottom = max(polygon[:, 1].max() for polygon in polygons)

    def paint(window: Window) -> NDArray[np.uint8] | int:
        if window.bottom <= top or window.top >= bottom:
            return OUTSIDE
        return np.where(_inside(polygons, window), 0, OUTSIDE).astype(np.uint8)

    return LargeRegion(PixelMap.painted(size, paint))


def _inside(polygons: Sequence[NDArray[np.float64]], window: Window) -> NDArray[np.bool_]:
    moved = [polygon - (window.left, window.top) for polygon in polygons]
    shape = window.bottom - window.top, window.right - window.left
    inside: NDArray[np.bool_] = polygons_mask(moved, shape).numpy()
    return inside


def _meets(polygon: NDArray[np.float64], size: Size) -> bool:
    height, width = size
    return bool((polygon.max(0) > 0).all() and (polygon.min(0) < (width, height)).all())
