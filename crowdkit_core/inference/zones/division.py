"""How zones and the ground divide images of one size: whose each pixel is, and what it shows."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.errors import DataError
from crowdkit_core.inference.ground import Ground
from crowdkit_core.inference.large_region import OUTSIDE, LargeRegion
from crowdkit_core.inference.pixel_map import PixelMap, Window, bands
from crowdkit_core.inference.zones.zone import Zone, Zones
from crowdkit_core.interfaces import Size

WIDE_PIXEL = 1.0
"""Square metres in one pixel above which an area is hardly measured."""

OVERLAP = 0.01
"""Share of a zone that may lie in others before it without a word."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Division:
    """How images of one size are divided.

    Attributes:
        names: Of the zones, in order.
        owners: 0 elsewhere, n in the n-th zone, `OUTSIDE` where nobody is counted.
        pixels: Of elsewhere and of each zone.
        square_metres: Likewise; NaN for what reaches the horizon, None without a ground.
        notes: A line for each zone that shares much with those before it, or is hardly measured.
        ground: The plane people stand on.
    """

    names: tuple[str, ...]
    owners: PixelMap
    pixels: tuple[int, ...]
    square_metres: tuple[float, ...] | None
    notes: tuple[str, ...]
    ground: Ground | None

    @property
    def size(self) -> Size:
        """(H, W) in pixels."""
        return self.owners.size

    @property
    def everywhere(self) -> bool:
        """Whether people are counted at every pixel."""
        return OUTSIDE not in self.owners.values

    @cached_property
    def mask(self) -> Bool[Tensor, "H W"]:
        """True where people are counted; of an image in memory."""
        return torch.from_numpy(self.owners.read(0, self.size[0]) != OUTSIDE)

    def outline(self, number: int, *, most: int) -> Bool[Tensor, "h w"]:
        """True at the pixels that one of its parts owns.

        Args:
            number: Of the part.
            most: Pixels of the result; of a larger image it has every second pixel of every second
                row, or every third, and so on.
        """
        height, width = self.size
        step = max(math.ceil(math.sqrt(height * width / most)), 1)
        middle = step // 2
        rows = [
            self.owners.read(band.top, band.bottom)[middle::step, middle::step]
            for band in bands(Window(0, height, 0, width), step)
        ]
        return torch.from_numpy(np.concatenate(rows) == number)

    def sums(
        self, cells: Float[NDArray[np.floating], "h w"], stride: int
    ) -> Float[NDArray[np.float64], " parts"]:
        """What the cells of a map add up to elsewhere and in each zone, by the area they share."""
        return self.owners.sums(cells, stride, 1 + len(self.names))

    def counted_shares(self, stride: int) -> Float[NDArray[np.float32], "h w"]:
        """Share of each cell of a map where people are counted."""
        return self.owners.shares(1 + len(self.names), stride)


class _SameMask:
    """A mask that is equal to others with the same pixels."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def __hash__(self) -> int:
        return hash(self.mask.cpu().numpy().tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameMask) and torch.equal(self.mask, other.mask)


def divided(
    size: Size,
    *,
    zones: Zones | None,
    roi: Bool[Tensor, "H W"] | None,
    ground: Ground | None,
) -> Division:
    """What `divide` gives, which images of one size that follow each other share."""
    return _divided(tuple(size), zones, None if roi is None else _SameMask(roi), ground)


@lru_cache(maxsize=2)  # upright and lying photos
def _divided(
    size: Size, zones: Zones | None, roi: _SameMask | None, ground: Ground | None
) -> Division:
    return divide(size, zones=zones, roi=None if roi is None else roi.mask, ground=ground)


def divide(
    size: Size,
    *,
    zones: Zones | None = None,
    roi: Bool[Tensor, "H W"] | LargeRegion | None = None,
    ground: Ground | None = None,
) -> Division:
    """Divide images of a size.

    Args:
        size: (H, W) in pixels.
        zones: Zones; where they overlap, the one named first has the pixel.
        roi: Nobody outside is counted.
        ground: The plane people stand on.

    Raises:
        DataError: The zones are for images of another size, or a zone covers no pixel that is
            counted and no other zone's, or reaches the horizon.
    """
    counted = () if zones is None else zones.counted
    source = "zones" if zones is None else zones.source
    if zones is not None:
        zones.require_size(size)
    painter = _Painter(size, zones, roi)
    owners = PixelMap.painted(size, painter.paint)
    notes = [*_overlaps(counted, painter.shared)]
    parts = 1 + len(counted)
    pixels = np.bincount(owners.values, owners.lengths, minlength=parts)[:parts]
    for zone, number in zip(counted, pixels[1:], strict=True):
        if number == 0:
            raise _nothing_left(zone, size, source)
    areas = None
    if ground is not None:
        areas, widest = _measured(owners, parts, ground)
        notes += _horizons(counted, areas, widest, source)
    return Division(
        names=tuple(zone.name for zone in counted),
        owners=owners,
        pixels=tuple(map(int, pixels)),
        square_metres=None if areas is None else tuple(map(float, areas)),
        notes=tuple(notes),
        ground=ground,
    )


class _Painter:
    """Paints whose each pixel is, a band of rows at a time.

    Attributes:
        shared: Share of each counted zone that belongs to one named before it, of what is painted.
    """

    def __init__(
        self, size: Size, zones: Zones | None, roi: Bool[Tensor, "H W"] | LargeRegion | None
    ) -> None:
        counted, excluded = ((), ()) if zones is None else (zones.counted, zones.excluded)
        self._excluded = [(zone, zone.shape.window(size)) for zone in excluded]
        self._counted = [(zone, zone.shape.window(size)) for zone in counted]
        self._roi = roi
        self._whole, self._taken = np.zeros((2, len(counted)))

    @property
    def shared(self) -> NDArray[np.float64]:
        shares: NDArray[np.float64] = self._taken / np.maximum(self._whole, 1)
        return shares

    def paint(self, band: Window) -> UInt8[NDArray[np.uint8], "k W"] | int:
        """The owners of some rows."""
        met = any(_common(band, place) for _, place in (*self._excluded, *self._counted))
        if not met and self._roi is None:
            return 0
        owners = np.zeros((band.bottom - band.top, band.right), dtype=np.uint8)
        for _, part, inside in _met(self._excluded, owners, band):
            part[inside] = OUTSIDE
        for index, part, inside in _met(self._counted, owners, band):
            before = part[inside]
            self._whole[index] += len(before)
            self._taken[index] += np.count_nonzero((before > 0) & (before < OUTSIDE))
            part[inside & (part == 0)] = index + 1
        if self._roi is not None:
            owners[~_counted_rows(self._roi, band)] = OUTSIDE
        return owners


def _common(one: Window, other: Window) -> Window | None:
    """The rows of one window that another has too, in the other's columns."""
    top, bottom = max(one.top, other.top), min(one.bottom, other.bottom)
    if top >= bottom or other.left >= other.right:
        return None
    return other._replace(top=top, bottom=bottom)


def _met(
    zones: Sequence[tuple[Zone, Window]], owners: NDArray[np.uint8], band: Window
) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.bool_]]]:
    """Which zones may lie in a band, the part of it where they may, and where they do."""
    for index, (zone, place) in enumerate(zones):
        common = _common(band, place)
        if common is not None:
            rows = slice(common.top - band.top, common.bottom - band.top)
            yield index, owners[rows, common.left : common.right], zone.shape.inside(common)


def _counted_rows(
    roi: Bool[Tensor, "H W"] | LargeRegion, band: Window
) -> Bool[NDArray[np.bool_], "k W"]:
    if isinstance(roi, LargeRegion):
        return roi.read(band.top, band.bottom)
    inside: NDArray[np.bool_] = roi[band.top : band.bottom].cpu().numpy()
    return inside


def _overlaps(zones: tuple[Zone, ...], shared: NDArray[np.float64]) -> Iterator[str]:
    for zone, share in zip(zones, shared, strict=True):
        if share > OVERLAP:
            yield (
                f"{share:.0%} of zone {zone.name!r} lies in zones named before it, which have "
                "the people there"
            )


def _nothing_left(zone: Zone, size: Size, source: str) -> DataError:
    if not any(zone.shape.inside(part).any() for part in bands(zone.shape.window(size))):
        return DataError(
            f"{source}: zone {zone.name!r} lies outside the image ({size[1]} x {size[0]} pixels)"
        )
    return DataError(
        f"{source}: zone {zone.name!r} lies wholly in zones named before it or where nobody is "
        "counted",
        hint="name the inner one of two zones first",
    )


def _measured(
    owners: PixelMap, parts: int, ground: Ground
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Square metres of each part, and of its widest pixel; NaN for what reaches the horizon."""
    y, left = owners.rows.astype(np.float64) + 0.5, owners.columns.astype(np.float64)
    right = left + owners.lengths.astype(np.float64)
    areas, widest = np.zeros((2, OUTSIDE + 1))
    areas += np.bincount(owners.values, ground.strip_areas(y, left, right), len(areas))
    for pixel in (left, right - 1):
        np.fmax.at(widest, owners.values, ground.strip_areas(y, pixel, pixel + 1))
    return areas[:parts], widest[:parts]


def _horizons(
    zones: tuple[Zone, ...],
    areas: NDArray[np.float64],
    widest: NDArray[np.float64],
    source: str,
) -> Iterator[str]:
    if not zones and math.isnan(areas[0]):
        yield (
            "no people per square metre: the image reaches the horizon of the ground; mark zones "
            "or a region below it"
        )
    for zone, area, pixel in zip(zones, areas[1:], widest[1:], strict=True):
        if math.isnan(area):
            raise DataError(
                f"{source}: zone {zone.name!r} reaches the horizon of the ground",
                hint="draw it on the ground alone, or look at the points of the ground",
            )
        if pixel > WIDE_PIXEL:
            yield (
                f"the far end of zone {zone.name!r} is hardly measured: one pixel shows "
                f"{pixel:.1f} square metres"
            )
