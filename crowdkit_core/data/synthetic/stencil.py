"""Draw one thing in a few paints, once, to be recoloured for every use.

A stencil holds, per pixel, how much of each paint shows there (shading included) and how opaque
the pixel is. One small matrix product turns it into premultiplied colour, so thousands of people
in different clothes cost little more than pasting.
"""

import math
from copy import copy
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

PAINTS = 5
"""Number of paints a stencil may use; `people` and `objects` say what each one is."""


class Sprite(NamedTuple):
    """A stencil at the size in which it is pasted.

    Attributes:
        layers: (PAINTS + 1, h, w) uint8, the paints and last the opacity, 255 for all of it.
        left: Columns between the sprite's left edge and the anchor's pixel.
        top: Rows between the sprite's top edge and the anchor's pixel.
    """

    layers: npt.NDArray[np.uint8]
    left: int
    top: int


class Stencil:
    """A drawing board around an anchor at the origin; x to the right, y down.

    Args:
        box: (left, top, right, bottom) in drawing units, the anchor inside.
        scale: Pixels per drawing unit.
    """

    def __init__(self, box: tuple[float, float, float, float], scale: float) -> None:
        left, top, right, bottom = box
        self.scale = scale
        self.origin = (-left * scale, -top * scale)
        columns, rows = round((right - left) * scale), round((bottom - top) * scale)
        self.x = ((np.arange(columns, dtype=np.float32) + 0.5) / scale + left)[None, :]
        self.y = ((np.arange(rows, dtype=np.float32) + 0.5) / scale + top)[:, None]
        self.layers = np.zeros((PAINTS + 1, rows, columns), np.float32)

    def paint(self, paint: int, coverage: Array, shade: Array | float = 1.0) -> None:
        """Lay one paint over what is there.

        Args:
            paint: Which; its brightness is multiplied by ``shade``.
            coverage: (h, w) in [0, 1].
            shade: (h, w) or a number, 1 for the paint as it is.
        """
        self.layers *= 1 - coverage
        self.layers[paint] += coverage * shade
        self.layers[PAINTS] += coverage

    def shadow(self, coverage: Array) -> None:
        """Darken what is there and what will lie behind."""
        self.layers *= 1 - coverage
        self.layers[PAINTS] += coverage

    def part(self, box: tuple[float, float, float, float]) -> Self:
        """The piece of the board within a box; what is painted on it shows on the whole."""
        left, top, right, bottom = box
        rows = slice(*np.searchsorted(self.y[:, 0], (top, bottom)).tolist())
        columns = slice(*np.searchsorted(self.x[0], (left, right)).tolist())
        piece = copy(self)
        piece.x, piece.y = self.x[:, columns], self.y[rows]
        piece.layers = self.layers[:, rows, columns]
        return piece

    def within(self, distance: npt.ArrayLike) -> Array:
        """Antialiased coverage of where a signed distance, in drawing units, is positive."""
        pixels = np.asarray(distance, np.float32) * np.float32(self.scale)
        return np.asarray(np.clip(pixels + np.float32(0.5), 0, 1))

    def ellipse(self, x: float, y: float, rx: float, ry: float) -> Array:
        """Coverage of an axis-parallel ellipse."""
        radius = np.hypot((self.x - x) / rx, (self.y - y) / ry)
        return self.within((1 - radius) * min(rx, ry))

    def limb(
        self, start: tuple[float, float], end: tuple[float, float], r0: float, r1: float
    ) -> tuple[Array, Array]:
        """Coverage and shade of a rounded stick that tapers from radius r0 to r1."""
        (x0, y0), (x1, y1) = start, end
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((self.x - x0) * dx + (self.y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        beside = self.x - x0 - along * dx
        away = np.hypot(beside, self.y - y0 - along * dy)
        radius = r0 + along * (r1 - r0)
        shade = 0.86 - 0.2 * beside / radius - 0.12 * (away / radius) ** 2
        return self.within(radius - away), np.asarray(shade, np.float32)

    def profile(self, heights: list[float], halves: list[float]) -> tuple[Array, Array]:
        """Coverage and shade of an upright shape, symmetric, given half widths by height."""
        half = np.interp(self.y[:, 0], heights, halves, left=-1, right=-1)
        half = half.astype(np.float32)[:, None]
        u = self.x / np.maximum(half, 1e-3)
        shade = 0.7 + 0.28 * np.sqrt(np.clip(1 - u * u, 0, 1)) - 0.1 * u
        return self.within(half - np.abs(self.x)), np.asarray(shade, np.float32)

    def ball(self, x: float, y: float, rx: float, ry: float) -> tuple[Array, Array]:
        """Coverage and shade of an ellipsoid lit from the upper left."""
        u, v = (self.x - x) / rx, (self.y - y) / ry
        squared = u * u + v * v
        nz = np.sqrt(np.clip(1 - squared, 0, 1))
        shade = 0.55 + 0.5 * np.clip(-0.45 * u - 0.55 * v + 0.7 * nz, 0, 1)
        coverage = self.within((1 - np.sqrt(squared)) * min(rx, ry))
        return coverage, np.asarray(shade, np.float32)

    def sprite(self, scale: float) -> Sprite:
        """The drawing at ``scale`` pixels per unit, the anchor on the centre of a pixel."""
        ratio = self.scale / scale
        layers, top = _reduced(self.layers, 1, self.origin[1], ratio)
        layers, left = _reduced(layers, 2, self.origin[0], ratio)
        packed = np.rint(np.clip(layers, 0, 1) * 255).astype(np.uint8)
        opaque = packed[PAINTS] > 0
        used_rows, used_columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
        r0, c0 = used_rows[0], used_columns[0]
        trimmed = packed[:, r0 : used_rows[-1] + 1, c0 : used_columns[-1] + 1]
        return Sprite(np.ascontiguousarray(trimmed), left - int(c0), top - int(r0))


def _reduced(layers: Array, axis: int, origin: float, ratio: float) -> tuple[Array, int]:
    """Means over runs of ``ratio`` cells, one run centred on the origin; and which run that is.

    Differences of running sums, and no matrix product: a threaded one would have the workers of
    a data loader fight for the cores.
    """
    cells = layers.shape[axis]
    before, after = math.ceil(origin / ratio), math.ceil((cells - origin) / ratio)
    edges = np.clip(origin + (np.arange(-before, after + 2) - 0.5) * ratio, 0, cells)
    whole = np.minimum(edges.astype(np.intp), cells - 1)
    rest = (edges - whole).astype(np.float32)
    sums = layers.cumsum(axis).take(whole, axis)
    values = layers.take(whole, axis)
    shape = [-1 if i == axis else 1 for i in range(3)]
    sums += values * (rest - 1).reshape(shape)
    return np.diff(sums, axis=axis) / np.float32(ratio), before
