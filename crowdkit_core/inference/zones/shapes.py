"""The two shapes a zone can have: polygons, and the pixels of one value in an image of labels."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Shaped
from numpy.typing import NDArray

from crowdkit_core.data.files import polygons_mask
from crowdkit_core.inference.pixel_map import Window
from crowdkit_core.interfaces import Size

Ring = NDArray[np.float64]
"""(N, 2) corners (x, y) in pixels, corner convention, in order; closed by itself."""


class Shape(Protocol):
    """What pixels a zone covers."""

    def window(self, size: Size) -> Window:
        """A part of an image of a size outside which no pixel is inside."""
        ...

    def inside(self, window: Window) -> Bool[NDArray[np.bool_], "rows columns"]:
        """Whether each pixel of a part of an image is inside."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """The pixels whose centre lies in any of some polygons.

    Attributes:
        parts: Of each polygon the outer ring, then those of its holes.
    """

    parts: tuple[tuple[Ring, ...], ...]

    def window(self, size: Size) -> Window:
        """As of `Shape`."""
        corners = np.concatenate([ring for rings in self.parts for ring in rings])
        left, top = np.clip(np.floor(corners.min(axis=0)), 0, size[::-1]).astype(int)
        right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, size[::-1]).astype(int)
        return Window(int(top), int(bottom), int(left), int(right))

    def inside(self, window: Window) -> Bool[NDArray[np.bool_], "rows columns"]:
        """As of `Shape`."""
        inside = np.zeros((window.bottom - window.top, window.right - window.left), dtype=bool)
        for rings in self.parts:
            part = np.zeros_like(inside)
            for ring in rings:
                moved = ring - (window.left, window.top)
                part ^= polygons_mask([moved], part.shape).numpy()
            inside |= part
        return inside


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """The pixels of one value.

    Attributes:
        labels: (H, W) of any values; shared by all zones of an image of labels.
        value: That of this zone.
    """

    labels: Shaped[NDArray[np.generic], "H W"]
    value: int

    def window(self, size: Size) -> Window:
        """As of `Shape`."""
        return Window(0, size[0], 0, size[1])

    def inside(self, window: Window) -> Bool[NDArray[np.bool_], "rows columns"]:
        """As of `Shape`."""
        part = self.labels[window.top : window.bottom, window.left : window.right]
        inside: NDArray[np.bool_] = np.equal(part, self.value)
        return inside
