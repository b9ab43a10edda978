"""Choose among the copies of an image that a pyramid holds."""

from collections.abc import Sequence

from jaxtyping import UInt8
from torch import Tensor

from crowdkit_core.interfaces import LargeImage, Size

MARGIN = 4
"""A size is made from a copy this many times larger, so that the filter is ours and not theirs."""
ROUNDING = 2
"""Pixels by which a smaller copy's sides may differ from the same share of both sides."""


class Levels(LargeImage):
    """An image and smaller copies of it; each size is made from the smallest copy that will do.

    Args:
        levels: The image, and its copies in any order.
    """

    def __init__(self, levels: Sequence[LargeImage]) -> None:
        self._levels = levels

    @property
    def size(self) -> Size:
        """See `LargeImage.size`."""
        return self._levels[0].size

    def read(self, rows: range, columns: range) -> UInt8[Tensor, "3 h w"]:
        """See `LargeImage.read`."""
        return self._levels[0].read(rows, columns)

    def resized(self, size: Size) -> LargeImage:
        """See `LargeImage.resized`."""
        enough = [each for each in self._levels if _holds(each.size, size)]
        smallest = min(enough, key=lambda each: each.size, default=self._levels[0])
        return smallest.resized(size)


def is_smaller_copy(size: Size, whole: Size) -> bool:
    """Whether an image of this (H, W) can be a smaller copy of another one.

    Example:
        >>> is_smaller_copy((156, 234), (20000, 30000)), is_smaller_copy((20, 20), (20, 20))
        (True, False)
    """
    (height, width), (whole_height, whole_width) = size, whole
    if height >= whole_height and width >= whole_width:
        return False
    off_height = abs(height - width * whole_height / whole_width)
    off_width = abs(width - height * whole_width / whole_height)
    return min(off_height, off_width) <= ROUNDING


def _holds(level: Size, size: Size) -> bool:
    return level[0] >= MARGIN * size[0] and level[1] >= MARGIN * size[1]
