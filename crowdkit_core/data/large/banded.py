"""Read parts of a file that can only be read from its top."""

import torch
from jaxtyping import UInt8
from torch import Tensor

from crowdkit_core.data.large.resizing import Resized, parts
from crowdkit_core.interfaces import LargeImage, Size

PIECE = 64
"""Rows that are read at once."""


class Banded(LargeImage):
    """Keeps the rows that were read last, in full width, so that a row of tiles reads them once.

    Args:
        source: Read from its top to its bottom as long as rows are asked for in that order; it
            begins again where they are not.
    """

    def __init__(self, source: LargeImage) -> None:
        self._source = source
        self._rows = range(0)
        self._band = torch.empty(0, source.size[1], 3, dtype=torch.uint8)

    @property
    def size(self) -> Size:
        """See `LargeImage.size`."""
        return self._source.size

    def read(self, rows: range, columns: range) -> UInt8[Tensor, "3 h w"]:
        """See `LargeImage.read`."""
        if rows.start < self._rows.start or rows.stop > self._rows.stop:
            self._move(rows)
        first = rows.start - self._rows.start
        part = self._band[first : first + len(rows), columns.start : columns.stop]
        return part.permute(2, 0, 1)

    def resized(self, size: Size) -> LargeImage:
        """See `LargeImage.resized`."""
        return self if size == self.size else Banded(Resized(self, size))

    def _move(self, rows: range) -> None:
        """Read new rows, and keep those that are there already."""
        width = self.size[1]
        if self._rows.start <= rows.start < self._rows.stop:
            kept = self._band[rows.start - self._rows.start :].clone()
        else:
            kept = self._band[:0].clone()
        self._band = torch.empty(0)  # makes room for the new one
        band = torch.empty(len(rows), width, 3, dtype=torch.uint8)
        band[: len(kept)] = kept
        for piece in parts(rows[len(kept) :], PIECE):
            first = piece.start - rows.start
            pixels = self._source.read(piece, range(width))
            band[first : first + len(piece)] = pixels.permute(1, 2, 0)
        self._band, self._rows = band, rows
