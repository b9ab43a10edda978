"""What counting one image gives."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crowdkit_onnx.interval import Interval
from crowdkit_onnx.sizing import Size

SMALL_SHARE = 0.05
"""Of a count, by which the number of points may differ without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many people an image shows, and where; everything in pixels of the image as given.

    Attributes:
        name: The file as given, or empty for an image from memory.
        size: (H, W) of the image in pixels.
        count: People in the image.
        interval: Where the actual count lies; None without a calibration, or with one of too few
            images for the level.
        density: (h, w) persons per cell; None from a counter without a map.
        stride: Pixels per cell side; None without a map.
        points: (N, 2) x and y of people, best first; None where they were not looked for.
        scores: (N,) the density at each.
        shown_size: (H, W) in which the counter saw the image.
        notes: A line each: that the image was resized and why, that it lies outside of what the
            counter was trained on.
        things: What is counted, in the plural.
    """

    name: str
    size: Size
    count: float
    interval: Interval | None
    density: NDArray[np.float32] | None = field(repr=False)
    stride: int | None
    points: NDArray[np.float32] | None = field(repr=False)
    scores: NDArray[np.float32] | None = field(repr=False)
    shown_size: Size
    notes: tuple[str, ...]
    things: str

    def __str__(self) -> str:
        """``322 people (90 %: 280 to 371)``; the points too, where they are another number."""
        number = max(round(self.count), 0)
        said = f"{number} {_one_of(self.things) if number == 1 else self.things}"
        if self.points_differ:
            said = f"{said} by the {'map' if self._is_sum_of_map() else 'counter'}"
        if self.interval is not None:
            said = f"{said} ({self.interval})"
        return f"{said}, {points_found(self.found)}" if self.points_differ else said

    @property
    def line(self) -> str:
        """What is printed of it: `str`, or the count alone where there is no more to say."""
        plain = self.interval is None and not self.points_differ
        return f"{self.count:.1f}" if plain else str(self)

    @property
    def found(self) -> int:
        """Number of points; 0 where nothing looked for them."""
        return 0 if self.points is None else len(self.points)

    @property
    def people(self) -> list[tuple[float, float, float]]:
        """x, y and score of each point, best first."""
        if self.points is None or self.scores is None:
            return []
        return [
            (float(x), float(y), float(s))
            for (x, y), s in zip(self.points, self.scores, strict=True)
        ]

    @property
    def points_differ(self) -> bool:
        """Whether the points are more or fewer than the count by more than a small share."""
        if self.points is None:
            return False
        return abs(self.found - self.count) > max(0.5, SMALL_SHARE * max(self.found, self.count))

    def _is_sum_of_map(self) -> bool:
        if self.density is None:
            return False
        return math.isclose(float(self.density.sum(dtype=np.float64)), self.count, rel_tol=0.01)


def points_found(number: int) -> str:
    """``550 points found``."""
    return f"{number} point{'s' * (number != 1)} found"


def _one_of(things: str) -> str:
    return "person" if things == "people" else things.removesuffix("s")
