"""Regions of images whose pixels are too many for a mask."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.files import polygons_mask
from crowdkit_core.errors import DataError
from crowdkit_core.inference.roi import RoiLike, as_polygons
from crowdkit_core.interfaces import Size, cell_shares, points_inside

BAND_PIXELS = 2**24
"""Pixels of the mask that there are at once."""


@dataclass(frozen=True, slots=True)
class PolygonRegion:
    """Polygons of which the pixels are found band by band; answers are those of the whole mask.

    Attributes:
        polygons: Each (N, 2) corners in pixels.
        size: (H, W) of the image.
    """

    polygons: Sequence[NDArray[np.float64]]
    size: Size

    def cell_shares(self, stride: int) -> Float[Tensor, "h w"]:
        """Share of each cell inside the region, as `interfaces.cell_shares`."""
        shares = torch.zeros([ceil(length / stride) for length in self.size])
        for rows, mask in self._bands(stride):
            cells = slice(rows.start // stride, ceil(rows.stop / stride))
            shares[cells] = cell_shares(mask[None], stride)[0, 0]
        return shares

    def contains(self, points: Float[Tensor, "N 2"]) -> Bool[Tensor, " N"]:
        """Whether each point lies inside, as `interfaces.points_inside`."""
        inside = torch.zeros(len(points), dtype=torch.bool)
        row = points[:, 1].clamp(0, self.size[0] - 1)
        for rows, mask in self._bands(1):
            here = (row >= rows.start) & (row < rows.stop)
            if here.any():
                moved = points[here] - points.new_tensor([0.0, float(rows.start)])
                inside[here] = points_inside(moved, mask)
        return inside

    def _bands(self, stride: int) -> Iterator[tuple[range, Bool[Tensor, "k W"]]]:
        """Bands of whole cells that some polygon meets, and which of their pixels are inside."""
        height, width = self.size
        top = min(polygon[:, 1].min() for polygon in self.polygons)
        bottom = max(polygon[:, 1].max() for polygon in self.polygons)
        step = max(BAND_PIXELS // width // stride, 1) * stride
        for start in range(0, height, step):
            rows = range(start, min(start + step, height))
            if rows.stop <= top or rows.start >= bottom:
                continue
            moved = [polygon - (0, start) for polygon in self.polygons]
            yield rows, polygons_mask(moved, (len(rows), width))


def polygon_region(roi: RoiLike, size: Size) -> PolygonRegion:
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
    return PolygonRegion(polygons, size)


def _meets(polygon: NDArray[np.float64], size: Size) -> bool:
    height, width = size
    return bool((polygon.max(0) > 0).all() and (polygon.min(0) < (width, height)).all())
