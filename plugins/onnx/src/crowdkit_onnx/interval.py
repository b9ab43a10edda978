"""Give a count an interval, by split conformal prediction from images of known counts.

The same arithmetic as crowdkit's `inference.interval`, which says why it holds.
"""

import math
from bisect import bisect
from dataclasses import dataclass

from crowdkit_onnx.errors import UsageError

LEAST_IMAGES = 20
"""Fewest images that a range of counts is made of."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the number of annotated people lies.

    Attributes:
        low: At least 0.
        high: At least ``low``.
        level: Share of new images, like those it was made from, whose count lies inside.

    Example:
        >>> print(Interval(279.6, 371.2, 0.9))
        90 %: 280 to 371
    """

    low: float
    high: float
    level: float

    def __str__(self) -> str:
        return f"{100 * self.level:g} %: {self.low:.0f} to {self.high:.0f}"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Predicted and actual counts of images that the counter was not trained on.

    Attributes:
        predicted: A count for each image.
        actual: Its annotated people, in the same order.
    """

    predicted: tuple[float, ...]
    actual: tuple[float, ...]

    def interval(self, count: float, level: float) -> Interval | None:
        """The interval of a new count; None if there are too few images for the level.

        Args:
            count: As predicted.
            level: Probability in (0, 1).

        Raises:
            UsageError: ``level`` is not between 0 and 1.

        Example:
            >>> known = Calibration((99.0,) * 9, tuple(99.0 + 10 * n for n in range(9)))
            >>> known.interval(199.0, 0.9)
            Interval(low=110.11..., high=359.0, level=0.9)
            >>> known.interval(199.0, 0.95) is None
            True
        """
        errors = sorted(self._errors_near(count, level))
        rank = math.ceil((len(errors) + 1) * level - 1e-9)
        if rank > len(errors):
            return None
        ratio, shifted = errors[rank - 1], max(count, 0.0) + 1
        return Interval(max(shifted / ratio - 1, 0.0), shifted * ratio - 1, level)

    def _errors_near(self, count: float, level: float) -> list[float]:
        """Errors of the images in the range of predicted counts that a count falls into."""
        pairs = sorted(zip(self.predicted, self.actual, strict=True))
        ranges = max(len(pairs) // max(LEAST_IMAGES, images_needed(level) + 1), 1)
        borders = [len(pairs) * part // ranges for part in range(1, ranges)]
        own = bisect([pairs[border][0] for border in borders], count)
        first, last = [-1, *borders][own], [*borders, len(pairs)][own]
        return [_error(*pair) for pair in pairs[first + 1 : last]]


def images_needed(level: float) -> int:
    """Fewest images that can bound a count with a probability.

    Raises:
        UsageError: ``level`` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise UsageError(f"level {level:g}, expected a probability between 0 and 1, such as 0.9")
    return math.ceil(level / (1 - level) - 1e-9)


def _error(predicted: float, actual: float) -> float:
    """How many times too high or too low, at least 1."""
    ratio = (actual + 1) / (max(predicted, 0.0) + 1)
    return max(ratio, 1 / ratio)
