"""Give a count an interval, by split conformal prediction from images of known counts.

The error of a count is measured as the ratio ``(actual + 1) / (predicted + 1)``, so that one
distribution serves a square and a stadium. Where there are enough images, those whose predicted
count is near decide: the images are divided into ranges of the predicted count. A range ends at
the predicted count of one image, which belongs to neither side; given these borders, the images of
a range and a new one are exchangeable if they were before, so the interval holds the actual count
with a probability of at least ``level``, on average over images.

Reference: Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005, section 4.5
(by category); Lei et al., JASA 2018, algorithm 2 (split conformal).
"""

import json
import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.files import atomic_write
from crowdkit_core.parsing import parse_json

LEAST_IMAGES = 20
"""Fewest images that `crowdkit calibrate` accepts, and that a range of counts is made of."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Predicted and actual counts of images that the counter was not trained on.

    Attributes:
        predicted: A count for each image, made as new images will be counted.
        actual: Its annotated people, in the same order.
        weights: sha256 of the weights that predicted; empty if not known.
        sizing: How images were sized, as `Sizing.described` says it; empty if not known.

    Raises:
        DataError: The two are not of one length, or hold what is no count.
    """

    predicted: tuple[float, ...]
    actual: tuple[float, ...]
    weights: str = ""
    sizing: str = ""

    def __post_init__(self) -> None:
        if len(self.predicted) != len(self.actual):
            raise DataError(
                f"{len(self.predicted)} predicted and {len(self.actual)} actual counts, expected "
                "one of each for every image"
            )
        if (
            not all(map(math.isfinite, (*self.predicted, *self.actual)))
            or min(self.actual, default=0) < 0
        ):
            raise DataError("calibration holds a count that is negative or not finite")

    def interval(self, count: float, level: float = 0.9) -> Interval | None:
        """The interval of a new count; None if there are too few images for the level.

        Args:
            count: As predicted.
            level: Probability in (0, 1).

        Raises:
            UsageError: ``level`` is not between 0 and 1.

        Example:
            >>> known = Calibration(predicted=(99.0,) * 9, actual=tuple(range(99, 189, 10)))
            >>> known.interval(199.0)
            Interval(low=110.11..., high=359.0, level=0.9)
            >>> known.interval(199.0, level=0.95) is None
            True
        """
        ratio = _quantile(self._errors_near(count, level), level)
        if ratio is None:
            return None
        shifted = max(count, 0.0) + 1
        return Interval(max(shifted / ratio - 1, 0.0), shifted * ratio - 1, level)

    def require_made_for(self, *, weights: str, sizing: str) -> None:
        """Refuse a calibration of other weights, or of images counted in other sizes.

        Args:
            weights: sha256 of the weights in use.
            sizing: `Sizing.described` of the sizes in use.

        Raises:
            UsageError: It was made of others.
        """
        if self.weights and self.weights != weights:
            raise UsageError(
                f"the calibration was made with other weights (sha256 {self.weights[:12]}..., "
                f"not {weights[:12] or 'known'}...)",
                hint="make one for these: crowdkit calibrate",
            )
        if self.sizing and self.sizing != sizing:
            raise UsageError(
                f"the calibration was made of images counted in another size ({self.sizing}, "
                f"not {sizing})",
                hint="count in the same size, or make one for this: crowdkit calibrate",
            )

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

    Example:
        >>> images_needed(0.9), images_needed(0.95)
        (9, 19)
    """
    if not 0 < level < 1:
        raise UsageError(f"level {level:g}, expected a probability between 0 and 1, such as 0.9")
    return math.ceil(level / (1 - level) - 1e-9)


def write_calibration(path: str | Path, calibration: Calibration) -> None:
    """Write a calibration as JSON."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(asdict(calibration), indent=2) + "\n", encoding="utf-8")


def read_calibration(path: str | Path) -> Calibration:
    """Read what `write_calibration` wrote.

    Raises:
        DataError: The file cannot be read or is no calibration; names it.
    """
    try:
        table = parse_json(Path(path).read_text(encoding="utf-8"))
        return _parsed(table)
    except DataError as error:
        raise DataError(f"{path}: {error.message}") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} cannot be read as a calibration: {error}",
            hint="`crowdkit calibrate` writes one",
        ) from error


def _parsed(table: Any) -> Calibration:
    known = {field.name for field in fields(Calibration)}
    if not isinstance(table, dict) or not {"predicted", "actual"} <= table.keys() <= known:
        raise ValueError(f"expected a table of {', '.join(sorted(known))}")
    return Calibration(
        predicted=_counts(table["predicted"]),
        actual=_counts(table["actual"]),
        weights=str(table.get("weights", "")),
        sizing=str(table.get("sizing", "")),
    )


def _counts(values: Sequence[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _error(predicted: float, actual: float) -> float:
    """How many times too high or too low, at least 1."""
    ratio = (actual + 1) / (max(predicted, 0.0) + 1)
    return max(ratio, 1 / ratio)


def _quantile(errors: list[float], level: float) -> float | None:
    """The smallest error that bounds a new one with the probability, or None."""
    rank = math.ceil((len(errors) + 1) * level - 1e-9)
    return sorted(errors)[rank - 1] if rank <= len(errors) else None
