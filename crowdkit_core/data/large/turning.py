"""Turn a large image upright, as its EXIF orientation says."""

from dataclasses import dataclass

from jaxtyping import UInt8
from torch import Tensor

from crowdkit_core.interfaces import LargeImage, Size

_TRANSPOSED, _ROWS_BACKWARDS, _COLUMNS_BACKWARDS = {5, 6, 7, 8}, {3, 4, 6, 7}, {2, 3, 7, 8}
"""Orientations by how the file's axes lie in the upright image."""


@dataclass(frozen=True, slots=True)
class Upright(LargeImage):
    """A large image as it is to be looked at.

    Attributes:
        source: The image as its file has it.
        orientation: Of EXIF, 2 to 8.
    """

    source: LargeImage
    orientation: int

    @property
    def size(self) -> Size:
        """See `LargeImage.size`."""
        return self._swapped(self.source.size)

    def read(self, rows: range, columns: range) -> UInt8[Tensor, "3 h w"]:
        """See `LargeImage.read`."""
        height, width = self.source.size
        lines, places = (columns, rows) if self.orientation in _TRANSPOSED else (rows, columns)
        flipped = []
        if self.orientation in _ROWS_BACKWARDS:
            lines = range(height - lines.stop, height - lines.start)
            flipped.append(1)
        if self.orientation in _COLUMNS_BACKWARDS:
            places = range(width - places.stop, width - places.start)
            flipped.append(2)
        part = self.source.read(lines, places).flip(flipped)
        return part.mT if self.orientation in _TRANSPOSED else part

    def resized(self, size: Size) -> LargeImage:
        """See `LargeImage.resized`; resized as the file has it, which is read from its top."""
        return Upright(self.source.resized(self._swapped(size)), self.orientation)

    def _swapped(self, size: Size) -> Size:
        return (size[1], size[0]) if self.orientation in _TRANSPOSED else size
