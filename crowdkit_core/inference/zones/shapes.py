"""The two shapes a zone can have: polygons, and the pixels of one value in an image of labels."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Shaped
from numpy.typing import NDArray

from crowdkit_core.data.files import polygons_mask

Ring = NDArray[np.float64]
"""(N, 2) corners (x, y) in pixels, corner convention, in order; closed by itself."""


class Shape(Protocol):
    """What pixels a zone covers."""

    def inside(self, first: int, stop: int, width: int) -> Bool[NDArray[np.bool_], "rows W"]:
        """Whether each pixel of the rows from ``first`` and before ``stop`` is inside."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """The pixels whose centre lies in any of some polygons.

    Attributes:
        parts: Of each polygon the outer ring, then those of its holes.
    """

    parts: tuple[tuple[Ring, ...], ...]

    def inside(self, first: int, stop: int, width: int) -> Bool[NDArray[np.bool_], "rows W"]:
        """As of `Shape`."""
        inside = np.zeros((stop - first, width), dtype=bool)
        for rings in self.parts:
            part = np.zeros_like(inside)
            for ring in rings:
                if ring[:, 1].min() < stop and ring[:, 1].max() > first:
                    part ^= polygons_mask([ring - (0.0, first)], part.shape).numpy()
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

    def inside(self, first: int, stop: int, width: int) -> Bool[NDArray[np.bool_], "rows W"]:
        """As of `Shape`."""
        inside: NDArray[np.bool_] = np.equal(self.labels[first:stop, :width], self.value)
        return inside
