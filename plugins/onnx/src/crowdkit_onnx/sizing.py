"""Choose the size in which an image is shown; the rules of crowdkit's `inference.scale`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Size = tuple[int, int]
"""(H, W) in pixels."""

GREATEST_STEP = 4.0
"""Most that an image is enlarged to bring heads farther apart, as a factor on both sides."""

TOLERANCE = 1.1
"""Heads that are nearer than in training by this factor are not too near: maps say no better."""

BLURRED = 3.0
"""An image enlarged more than this lacks the detail that counters look for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """Sizes in which images are shown to a counter.

    Attributes:
        bounds: Least and greatest pixels that the longer side of an image is brought within; None
            to leave it alone.
        scale: Factor on both sides, after that.
        long_side: Lengths of the longer side that the counter was trained on; None if not known.
        head_distance: Pixels between neighbouring heads that it was trained on; None if not known.
        check_heads: Show the image once more, larger, where heads are nearer to each other.
    """

    bounds: tuple[int, int] | None = None
    scale: float = 1.0
    long_side: tuple[int, int] | None = None
    head_distance: tuple[float, float] | None = None
    check_heads: bool = False

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Sizing":
        """From what the metadata of a file say."""
        return cls(
            bounds=_pair(table["resizing"]["long_side"]),
            scale=table["resizing"]["scale"],
            long_side=_pair(table["long_side"]),
            head_distance=_pair(table["head_distance"]),
            check_heads=table["check_heads"],
        )

    def first(self, size: Size) -> Size:
        """(H, W) in which an image of this (H, W) is shown.

        Example:
            >>> Sizing(bounds=(1024, 1024)).first((7500, 10000))
            (768, 1024)
        """
        if self.bounds is not None:
            side, (least, greatest) = max(size), self.bounds
            size = scaled(size, min(max(side, least), greatest) / side)
        return scaled(size, self.scale)

    def second(self, shown: Size, distance: float | None) -> Size | None:
        """A larger (H, W) than the one an image was shown in, or None if that was good.

        Args:
            shown: (H, W) it was shown in.
            distance: Predicted pixels between neighbouring heads there; None if not known.
        """
        if not self.check_heads or self.head_distance is None or distance is None:
            return None
        nearest, _ = self.head_distance
        if distance >= nearest / TOLERANCE:
            return None
        return scaled(shown, min(nearest / distance, GREATEST_STEP))

    def notes(self, size: Size, shown: Size, distance: float | None) -> tuple[str, ...]:
        """What a user should know of the size in which an image was counted, a line each.

        Args:
            size: (H, W) of the image.
            shown: (H, W) it was shown in at last.
            distance: Predicted pixels between neighbouring heads there.
        """
        lines = (self._resized(size, shown), self._warning(size, shown, distance))
        return tuple(filter(None, lines))

    def _resized(self, size: Size, shown: Size) -> str:
        if shown == size:
            return ""
        line = f"resized from {_by(size)} to {_by(shown)} pixels"
        sides = self.long_side
        if sides is None or (self.bounds, self.scale) != ((sides[1], sides[1]), 1):
            return line  # as who exported the file asked
        if shown == self.first(size):
            return f"{line}: the counter was trained on images of up to {sides[1]} pixels"
        return f"{line}: heads were nearer to each other than those the counter was trained on"

    def _warning(self, size: Size, shown: Size, distance: float | None) -> str:
        enlarged = max(shown) / max(size)
        if enlarged > BLURRED:
            return f"enlarged {enlarged:.1f} times, so detail is missing and the count may be low"
        sides, heads = self.long_side, self.head_distance
        if heads is not None and distance is not None and distance < heads[0] / TOLERANCE:
            return (
                f"heads are {distance:.1f} pixels apart, and the counter was trained on "
                f"{heads[0]:.1f} to {heads[1]:.1f}: the count may be low"
            )
        grown = shown != self.first(size)
        if sides is not None and not grown and not sides[0] <= max(shown) <= sides[1]:
            return (
                f"counted at {_by(shown)} pixels by a counter trained on longer sides of "
                f"{sides[0]} to {sides[1]}: the count may be far off"
            )
        return ""


def scaled(size: Size, scale: float) -> Size:
    """A size times a factor, rounded, at least 1 x 1."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _pair(values: Any) -> Any:
    return None if values is None else tuple(values)


def _by(size: Size) -> str:
    return f"{size[1]} x {size[0]}"
