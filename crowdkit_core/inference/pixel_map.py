"""A number for each pixel of an image of any size, kept in runs of pixels side by side."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Float, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.interfaces import Size

BAND = 1 << 22
"""Pixels that are worked on at a time."""


class Window(NamedTuple):
    """A part of an image: rows from ``top`` and before ``bottom``, columns likewise."""

    top: int
    bottom: int
    left: int
    right: int


def bands(window: Window, multiple: int = 1) -> Iterator[Window]:
    """Parts of some rows, a multiple of so many, from a part of an image."""
    rows = max(BAND // max(window.right - window.left, 1) // multiple, 1) * multiple
    for top in range(window.top, window.bottom, rows):
        yield window._replace(top=top, bottom=min(top + rows, window.bottom))


@dataclass(frozen=True, eq=False, kw_only=True)
class PixelMap:
    """A number for each pixel; most rows have a few runs of one number, whatever their length.

    Attributes:
        size: (H, W) in pixels.
        starts: Pixel at which each run begins, counted through the rows; none is longer than its
            row, and each row begins one.
        values: Number of each run.
    """

    size: Size
    starts: Int64[NDArray[np.int64], " R"]
    values: UInt8[NDArray[np.uint8], " R"]

    @classmethod
    def painted(
        cls, size: Size, paint: Callable[[Window], UInt8[NDArray[np.uint8], "k W"] | int]
    ) -> Self:
        """The map whose bands of rows are painted one after the other.

        Args:
            size: (H, W) in pixels.
            paint: Gives the numbers of a part of the image in full width, or the only one there.
        """
        height, width = size
        starts, values = [], []
        for window in bands(Window(0, height, 0, width)):
            first, own = _runs(paint(window), window)
            starts.append(first + window.top * width)
            values.append(own)
        return cls(size=size, starts=np.concatenate(starts), values=np.concatenate(values))

    @cached_property
    def lengths(self) -> Int64[NDArray[np.int64], " R"]:
        """Pixels of each run."""
        height, width = self.size
        return np.diff(self.starts, append=height * width)

    @property
    def rows(self) -> Int64[NDArray[np.int64], " R"]:
        """Row of each run."""
        return self.starts // self.size[1]

    @property
    def columns(self) -> Int64[NDArray[np.int64], " R"]:
        """First column of each run."""
        return self.starts % self.size[1]

    def at(self, points: Float[Tensor, "N 2"]) -> UInt8[NDArray[np.uint8], " N"]:
        """The number of each point's pixel, for one outside the frame of the nearest."""
        height, width = self.size
        column = points[:, 0].long().clamp(0, width - 1).numpy()
        row = points[:, 1].long().clamp(0, height - 1).numpy()
        run = np.searchsorted(self.starts, row * width + column, side="right") - 1
        values: NDArray[np.uint8] = self.values[run]
        return values

    def read(self, top: int, bottom: int) -> UInt8[NDArray[np.uint8], "k W"]:
        """The numbers of some rows."""
        runs = self._runs_of(top, bottom)
        return np.repeat(self.values[runs], self.lengths[runs]).reshape(bottom - top, -1)

    def sums(
        self, cells: Float[NDArray[np.floating], "h w"], stride: int, parts: int
    ) -> Float[NDArray[np.float64], " parts"]:
        """What a map of cells adds up to in each part, the pixels of one number below ``parts``.

        A cell is a square of pixels, at the last row and column what there is of it; one that
        belongs to several parts is shared by area.
        """
        total = np.zeros(parts)
        for band in self._bands(stride):
            # what each pixel has, of each cell, and the sum of the row's before it
            own = np.pad(cells[band.rows] / band.pixels, ((0, 0), (0, 1)))
            before = np.pad(np.cumsum(own[:, :-1], axis=1, dtype=np.float64), ((0, 0), (1, 0)))
            own, before = own.ravel(), before.ravel()
            people = stride * (before[band.last] - before[band.first])
            people += band.in_last * own[band.last] - band.out_of_first * own[band.first]
            total += np.bincount(band.values, people, 256)[:parts]
        return total

    def shares(self, parts: int, stride: int) -> Float[NDArray[np.float32], "h w"]:
        """Share of each cell, as of `sums`, that lies in any part."""
        height, width = self.size
        shares = np.empty((-(-height // stride), -(-width // stride)), dtype=np.float32)
        for band in self._bands(stride):
            inside = (band.values < parts).astype(np.float64)
            covered = stride * np.cumsum(
                band.placed(band.first, inside) - band.placed(band.last, inside), axis=1
            )
            covered -= band.placed(band.first, band.out_of_first * inside)
            covered += band.placed(band.last, band.in_last * inside)
            shares[band.rows] = covered[:, :-1] / band.pixels
        return shares

    def _bands(self, stride: int) -> Iterator["_Band"]:
        """The runs of some rows of cells after the other."""
        height, width = self.size
        across = -(-width // stride)
        widths = np.minimum(stride, width - stride * np.arange(across))
        for window in bands(Window(0, height, 0, width), stride):
            runs = self._runs_of(window.top, window.bottom)
            row, left = np.divmod(self.starts[runs] - window.top * width, width)
            right = left + self.lengths[runs]
            heights = np.minimum(stride, height - np.arange(window.top, window.bottom, stride))
            start = row // stride * (across + 1)
            yield _Band(
                rows=slice(window.top // stride, window.top // stride + len(heights)),
                pixels=heights[:, None] * widths,
                values=self.values[runs],
                first=start + left // stride,
                last=start + right // stride,
                out_of_first=left % stride,
                in_last=right % stride,
            )

    def _runs_of(self, top: int, bottom: int) -> slice:
        width = self.size[1]
        return slice(*np.searchsorted(self.starts, (top * width, bottom * width)))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Band:
    """The runs of some rows of cells, which are counted with one more at the end of each row.

    Attributes:
        rows: The rows of cells.
        pixels: (k, w) of each cell.
        values: (R,) of each run.
        first: (R,) cell in which it begins.
        last: (R,) cell in which it ends, or which it ends before.
        out_of_first: (R,) pixels of that row of the first cell that are before it.
        in_last: (R,) pixels of that row of the last cell that are in it.
    """

    rows: slice
    pixels: Int64[NDArray[np.int64], "k w"]
    values: UInt8[NDArray[np.uint8], " R"]
    first: Int64[NDArray[np.int64], " R"]
    last: Int64[NDArray[np.int64], " R"]
    out_of_first: Int64[NDArray[np.int64], " R"]
    in_last: Int64[NDArray[np.int64], " R"]

    def placed(
        self, cells: Int64[NDArray[np.int64], " R"], values: Float[NDArray[np.float64], " R"]
    ) -> Float[NDArray[np.float64], "k w+1"]:
        """Values of runs added up in some cell of each."""
        rows, across = self.pixels.shape
        found = np.zeros(rows * (across + 1))
        found += np.bincount(cells, values, len(found))
        return found.reshape(rows, across + 1)


def _runs(
    band: UInt8[NDArray[np.uint8], "k W"] | int, window: Window
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Where runs begin, counted through the rows of a band, and their numbers."""
    height, width = window.bottom - window.top, window.right - window.left
    if isinstance(band, int):
        return np.arange(height) * width, np.full(height, band, dtype=np.uint8)
    changes = np.ones(band.shape, dtype=bool)
    np.not_equal(band[:, 1:], band[:, :-1], out=changes[:, 1:])
    first = np.flatnonzero(changes)
    return first, band.ravel()[first]
