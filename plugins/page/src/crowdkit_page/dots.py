"""The dots of a photo while they are corrected: one value for each state, so undo is exact."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from crowdkit_core.interfaces import Size

Dot = tuple[float, float]
"""(x, y) in pixels of the photo, corner convention."""

SMALLEST, LARGEST = 1 / 500, 1 / 110
"""Radius of a drawn dot as a share of the photo's longer side."""

OF_DISTANCE = 0.4
"""Share of the distance to the nearest other dot, so that neighbours can be told apart."""


@dataclass(frozen=True, slots=True)
class Dots:
    """Where people are, and where they were before the last change.

    Attributes:
        xy: One pair for each person.
        is_corrected: Whether somebody changed them, or said that they are right.
        before: The state that `undone` goes back to; None where there is none.
    """

    xy: tuple[Dot, ...] = ()
    is_corrected: bool = False
    before: "Dots | None" = None

    @classmethod
    def of(cls, points: Iterable[Sequence[float]], *, is_corrected: bool = False) -> Self:
        """Dots as they were found, or as they were left.

        Args:
            points: (x, y) pairs in pixels.
            is_corrected: Whether somebody had corrected them.
        """
        return cls(tuple((float(x), float(y)) for x, y in points), is_corrected)

    def __len__(self) -> int:
        return len(self.xy)

    def clicked(self, x: float, y: float, size: Size) -> "Dots":
        """The dots after a click: without the dot that was hit, or with a new one.

        Args:
            x: Pixels from the left edge; moved into the photo.
            y: Pixels from the top edge; likewise.
            size: (H, W) of the photo.

        Example:
            >>> one = Dots().clicked(5.0, 5.0, (100, 100))
            >>> one.xy, one.clicked(5.2, 5.0, (100, 100)).xy
            (((5.0, 5.0),), ())
        """
        height, width = size
        place = (min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height)))
        hit = self._hit(place, size)
        if hit is None:
            return self._changed((*self.xy, place))
        return self._changed(self.xy[:hit] + self.xy[hit + 1 :])

    def accepted(self) -> "Dots":
        """The same dots, said to be right."""
        return self if self.is_corrected else self._changed(self.xy)

    def undone(self) -> "Dots":
        """The dots before the last change; unchanged ones stay as they are."""
        return self if self.before is None else self.before

    def radius(self, size: Size) -> float:
        """Pixels from the middle of a drawn dot to its rim; what lies within is hit by a click."""
        longer = max(size)
        apart = self._apart()
        return min(max(OF_DISTANCE * apart, longer * SMALLEST), longer * LARGEST)

    def _changed(self, xy: tuple[Dot, ...]) -> "Dots":
        return Dots(xy, is_corrected=True, before=self)

    def _hit(self, place: Dot, size: Size) -> int | None:
        if not self.xy:
            return None
        distances = np.linalg.norm(self._array() - place, axis=1)
        nearest = int(distances.argmin())
        return nearest if distances[nearest] <= self.radius(size) else None

    def _apart(self) -> float:
        """The median distance from a dot to the nearest other; infinite of fewer than two."""
        if len(self.xy) < 2:
            return math.inf
        distances, _ = KDTree(self._array()).query(self._array(), k=2)
        return float(np.median(distances[:, 1]))

    def _array(self) -> NDArray[np.float64]:
        return np.asarray(self.xy, dtype=np.float64).reshape(-1, 2)
