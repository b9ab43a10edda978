"""How zones and the ground divide images of one size: whose each pixel is, and what it shows."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from crowdkit_core.errors import DataError
from crowdkit_core.inference.ground import Ground
from crowdkit_core.inference.zones.shapes import Window
from crowdkit_core.inference.zones.zone import Zone, Zones
from crowdkit_core.interfaces import Size

OUTSIDE = 255
"""In a map of zones: not counted at all."""

BAND = 1 << 22
"""Pixels that are worked on at a time."""

WIDE_PIXEL = 1.0
"""Square metres in one pixel above which an area is hardly measured."""

OVERLAP = 0.01
"""Share of a zone that may lie in others before it without a word."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Division:
    """How images of one size are divided.

    Attributes:
        names: Of the zones, in order.
        owners: (H, W) 0 elsewhere, n in the n-th zone, `OUTSIDE` where nobody is counted.
        region: (H, W) bool, True where people are counted; None for everywhere.
        pixels: Of elsewhere and of each zone.
        square_metres: Likewise; NaN for what reaches the horizon, None without a ground.
        notes: A line for each zone that shares much with those before it, or is hardly measured.
        ground: The plane people stand on.
    """

    names: tuple[str, ...]
    owners: UInt8[NDArray[np.uint8], "H W"]
    region: Bool[Tensor, "H W"] | None
    pixels: tuple[int, ...]
    square_metres: tuple[float, ...] | None
    notes: tuple[str, ...]
    ground: Ground | None
    _shares: dict[int, sparse.csr_array] = field(default_factory=dict, repr=False)

    def shares(self, stride: int) -> sparse.csr_array:
        """(1 + zones, cells) share of each cell of a map, as of `cell_shares`, in each part."""
        if stride not in self._shares:
            self._shares[stride] = _shares(self.owners, 1 + len(self.names), stride)
        return self._shares[stride]

    def owner_of(self, points: Float[Tensor, "N 2"]) -> NDArray[np.uint8]:
        """(N,) whose pixel each point lies in; one outside the frame is judged by the nearest."""
        height, width = self.owners.shape
        column = points[:, 0].long().clamp(0, width - 1).numpy()
        row = points[:, 1].long().clamp(0, height - 1).numpy()
        owners: NDArray[np.uint8] = self.owners[row, column]
        return owners


class _SameMask:
    """A mask that is equal to others with the same pixels."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def __hash__(self) -> int:
        return hash(self.mask.cpu().numpy().tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameMask) and torch.equal(self.mask, other.mask)


def divided(
    size: Size, *, zones: Zones | None, roi: Tensor | None, ground: Ground | None
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
    roi: Bool[Tensor, "H W"] | None = None,
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
    notes: list[str] = []
    if zones is None:
        owners = np.zeros(size, dtype=np.uint8)
    else:
        zones.require_size(size)
        owners, shared = _painted(zones, size)
        notes += _overlaps(counted, shared)
    if roi is not None:
        owners[~roi.cpu().numpy()] = OUTSIDE
    parts = 1 + len(counted)
    runs = [*_runs(owners)]
    pixels = sum(
        (np.bincount(run.owner, run.right - run.left, minlength=parts)[:parts] for run in runs),
        start=np.zeros(parts),
    )
    for zone, number in zip(counted, pixels[1:], strict=True):
        if number == 0:
            raise _nothing_left(zone, size, source)
    areas = None
    if ground is not None:
        areas, widest = _measured(runs, parts, ground)
        notes += _horizons(counted, areas, widest, source)
    inside = owners != OUTSIDE
    return Division(
        names=tuple(zone.name for zone in counted),
        owners=owners,
        region=None if inside.all() else torch.from_numpy(inside),
        pixels=tuple(map(int, pixels)),
        square_metres=None if areas is None else tuple(map(float, areas)),
        notes=tuple(notes),
        ground=ground,
    )


def _bands(window: Window, multiple: int = 1) -> Iterator[Window]:
    """Parts of some rows, a multiple of so many, from a part of an image."""
    rows = max(BAND // max(window.right - window.left, 1) // multiple, 1) * multiple
    for top in range(window.top, window.bottom, rows):
        yield window._replace(top=top, bottom=min(top + rows, window.bottom))


def _painted(zones: Zones, size: Size) -> tuple[NDArray[np.uint8], list[float]]:
    """Whose each pixel is; share of each counted zone that belongs to one named before it."""
    owners = np.zeros(size, dtype=np.uint8)
    for zone in zones.excluded:
        for part, inside in _inside(zone, owners):
            part[inside] = OUTSIDE
    shared = []
    for index, zone in enumerate(zones.counted):
        whole = lost = 0
        for part, inside in _inside(zone, owners):
            before = part[inside]
            whole += len(before)
            lost += int(np.count_nonzero((before > 0) & (before < OUTSIDE)))
            part[inside & (part == 0)] = index + 1
        shared.append(lost / max(whole, 1))
    return owners, shared


def _inside(
    zone: Zone, owners: NDArray[np.uint8]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Parts of a map, and which of their pixels lie in a zone."""
    height, width = owners.shape
    for window in _bands(zone.shape.window((height, width))):
        part = owners[window.top : window.bottom, window.left : window.right]
        yield part, zone.shape.inside(window)


def _overlaps(zones: tuple[Zone, ...], shared: Sequence[float]) -> Iterator[str]:
    for zone, share in zip(zones, shared, strict=True):
        if share > OVERLAP:
            yield (
                f"{share:.0%} of zone {zone.name!r} lies in zones named before it, which have "
                "the people there"
            )


def _nothing_left(zone: Zone, size: Size, source: str) -> DataError:
    if not any(inside.any() for _, inside in _inside(zone, np.zeros(size, dtype=np.uint8))):
        return DataError(
            f"{source}: zone {zone.name!r} lies outside the image ({size[1]} x {size[0]} pixels)"
        )
    return DataError(
        f"{source}: zone {zone.name!r} lies wholly in zones named before it or where nobody is "
        "counted",
        hint="name the inner one of two zones first",
    )


class _Runs(NamedTuple):
    """Pixels of one owner side by side in a row: most maps have a few runs in each row."""

    y: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    owner: NDArray[np.uint8]


def _runs(owners: NDArray[np.uint8]) -> Iterator[_Runs]:
    height, width = owners.shape
    for window in _bands(Window(0, height, 0, width)):
        band = owners[window.top : window.bottom]
        changes = np.ones(band.shape, dtype=bool)
        np.not_equal(band[:, 1:], band[:, :-1], out=changes[:, 1:])
        row, left = np.nonzero(changes)
        right = np.append(left[1:], 0)
        right[right == 0] = width
        y = row.astype(np.float64) + window.top + 0.5
        yield _Runs(y, left.astype(np.float64), right.astype(np.float64), band[row, left])


def _measured(
    runs: Sequence[_Runs], parts: int, ground: Ground
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Square metres of each part, and of its widest pixel; NaN for what reaches the horizon."""
    areas, widest = np.zeros((2, OUTSIDE + 1))
    for y, left, right, owner in runs:
        areas += np.bincount(owner, ground.strip_areas(y, left, right), len(areas))
        for pixel in (left, right - 1):
            np.fmax.at(widest, owner, ground.strip_areas(y, pixel, pixel + 1))
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


def _shares(owners: NDArray[np.uint8], parts: int, stride: int) -> sparse.csr_array:
    height, width = owners.shape
    found = [
        _shares_of_band(owners[window.top : window.bottom], parts, stride)
        for window in _bands(Window(0, height, 0, width), stride)
    ]
    return sparse.csr_array(sparse.hstack(found, format="csr"))


def _shares_of_band(band: NDArray[np.uint8], parts: int, stride: int) -> sparse.coo_array:
    """Most cells have one owner; only in those that borders cut are pixels looked at."""
    height, width = band.shape
    starts = np.arange(0, height, stride), np.arange(0, width, stride)
    least, most = (
        reduce.reduceat(reduce.reduceat(band, starts[0], axis=0), starts[1], axis=1)
        for reduce in (np.minimum, np.maximum)
    )
    whole = np.flatnonzero(least == most)
    row, column = (cut[:, None, None] * stride for cut in np.nonzero(least != most))
    within = np.arange(stride)
    row, column = np.broadcast_arrays(row + within[:, None], column + within)
    seen = (row < height) & (column < width)
    pixels = 1 / np.maximum(seen.sum(axis=(1, 2), keepdims=True), 1)
    share = np.broadcast_to(pixels, seen.shape)[seen]
    row, column = row[seen], column[seen]
    cells = row // stride * len(starts[1]) + column // stride
    owner = np.concatenate([least.ravel()[whole], band[row, column]])
    cell = np.concatenate([whole, cells])
    share = np.concatenate([np.ones(len(whole)), share])
    counted = owner < parts
    return sparse.coo_array(
        (share[counted], (owner[counted], cell[counted])), shape=(parts, least.size)
    )
