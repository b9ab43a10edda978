"""Pictures of one thing in a few paints, drawn once and recoloured for every use.

A stencil holds, per pixel, how much of each paint shows there (shading included) and how opaque
the pixel is. One small matrix product turns it into premultiplied colour, so thousands of people
in different clothes cost little more than pasting.
"""

from typing import NamedTuple

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

    def within(self, distance: Array) -> Array:
        """Antialiased coverage of where a signed distance, in drawing units, is positive."""
        return np.clip(distance * self.scale + 0.5, 0, 1)

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
        ox, oy = self.x - x0 - along * dx, self.y - y0 - along * dy
        radius = r0 + along * (r1 - r0)
        shade = 0.86 - 0.2 * ox / radius - 0.12 * (np.hypot(ox, oy) / radius) ** 2
        return self.within(radius - np.hypot(ox, oy)), shade

    def profile(
        self, heights: list[float], halves: list[float], x: float = 0.0
    ) -> tuple[Array, Array]:
        """Coverage and shade of an upright shape symmetric about ``x``, given half widths."""
        half = np.interp(self.y[:, 0], heights, halves, left=-1, right=-1)[:, None]
        half = half.astype(np.float32)
        u = (self.x - x) / np.maximum(half, 1e-3)
        shade = 0.7 + 0.28 * np.sqrt(np.clip(1 - u * u, 0, 1)) - 0.1 * u
        return self.within(half - np.abs(self.x - x)), shade

    def ball(self, x: float, y: float, rx: float, ry: float) -> tuple[Array, Array]:
        """Coverage and shade of an ellipsoid lit from the upper left."""
        u, v = (self.x - x) / rx, (self.y - y) / ry
        nz = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
        shade = 0.55 + 0.5 * np.clip(-0.45 * u - 0.55 * v + 0.7 * nz, 0, 1)
        return self.ellipse(x, y, rx, ry), shade

    def sprite(self, scale: float) -> Sprite:
        """The drawing at ``scale`` pixels per unit, the anchor on the centre of a pixel."""
        ratio = self.scale / scale
        rows, top = _shares(len(self.y), self.origin[1], ratio)
        columns, left = _shares(self.x.shape[1], self.origin[0], ratio)
        layers = rows @ self.layers @ columns.T
        packed = np.rint(np.clip(layers, 0, 1) * 255).astype(np.uint8)
        opaque = packed[PAINTS] > 0
        used_rows, used_columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
        r0, c0 = used_rows[0], used_columns[0]
        trimmed = packed[:, r0 : used_rows[-1] + 1, c0 : used_columns[-1] + 1]
        return Sprite(np.ascontiguousarray(trimmed), left - int(c0), top - int(r0))


def _shares(cells: int, origin: float, ratio: float) -> tuple[Array, int]:
    """Share of each fine cell in each coarse one, and the coarse cell centred on the origin."""
    before = int(np.ceil(origin / ratio))
    after = int(np.ceil((cells - origin) / ratio))
    low = origin + (np.arange(-before, after + 1, dtype=np.float32)[:, None] - 0.5) * ratio
    fine = np.arange(cells, dtype=np.float32)[None, :]
    overlap = np.minimum(low + ratio, fine + 1) - np.maximum(low, fine)
    return np.clip(overlap, 0, None) / ratio, before
