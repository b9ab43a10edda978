"""Choose the size in which a data set gives its images to training and evaluation."""

from dataclasses import dataclass

from crowdkit_core.data.transforms.functional import scaled
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Size

LongSide = tuple[int, int]
"""Least and greatest length in pixels of an image's longer side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resizing:
    """The size in which an image is given: within bounds of its longer side, then scaled.

    Attributes:
        long_side: Least and greatest length in pixels of the longer side: an image beyond them is
            resized to the nearer one, its proportions kept. None to leave sizes alone.
        scale: Factor on both sides.

    Raises:
        OptionsError: A value outside its range.

    Example:
        >>> Resizing(long_side=(1, 1080))((2000, 3000)), Resizing(scale=2.0)((158, 238))
        ((720, 1080), (316, 476))
    """

    long_side: LongSide | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        problem = problem_of_long_side(self.long_side)
        if problem:
            raise OptionsError(problem)
        if not 0 < self.scale < float("inf"):
            raise OptionsError(f"scale {self.scale}, expected a factor above 0")

    def __call__(self, size: Size) -> Size:
        """(H, W) in which an image of this (H, W) is given."""
        return scaled(within_long_side(size, self.long_side), self.scale)


def within_long_side(size: Size, bounds: LongSide | None) -> Size:
    """Scale a size so that its longer side is within bounds."""
    if bounds is None:
        return size
    side = max(size)
    return scaled(size, min(max(side, bounds[0]), bounds[1]) / side)


def problem_of_long_side(bounds: LongSide | None) -> str | None:
    """Describe what is wrong with bounds of the longer side; None if nothing is."""
    if bounds is None or 1 <= bounds[0] <= bounds[1]:
        return None
    return f"long_side {bounds}, expected least and greatest pixels"
