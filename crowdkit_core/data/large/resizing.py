"""Resize an image strip by strip, as `resize_image` would at once.

The filter is the same triangle, as wide as a new pixel. Rows of the file are added to the new rows
that they belong to as they come, so each is read once and memory holds one strip. Values differ
from the resizing in memory by at most 1 of 255, as that rounds between its two directions.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy import sparse
from torch import Tensor

from crowdkit_core.interfaces import LargeImage, Size

STRIP_PIXELS = 2**25
"""Pixels of the source that are read at once."""
GREATEST_STRIP = 256
"""Rows that are read at once; enough for the tiles of most files."""
BAND_PIXELS = 2**22
"""New pixels that are made at once."""
CHUNK = 2**18
"""Values that are weighed at once: they fit into a processor's cache."""


@dataclass(frozen=True, slots=True)
class Resized(LargeImage):
    """A large image in another size.

    Attributes:
        source: The image, or a smaller copy of it in its file.
        wanted: (H, W) in pixels.
    """

    source: LargeImage
    wanted: Size

    @property
    def size(self) -> Size:
        """See `LargeImage.size`."""
        return self.wanted

    def read(self, rows: range, columns: range) -> UInt8[Tensor, "3 h w"]:
        """See `LargeImage.read`."""
        made = torch.empty(len(rows), len(columns), 3, dtype=torch.uint8)
        for band in parts(range(len(rows)), max(BAND_PIXELS // len(columns), 1)):
            made[band.start : band.stop] = self._band(rows[band.start : band.stop], columns)
        return made.permute(2, 0, 1)

    def resized(self, size: Size) -> LargeImage:
        """See `LargeImage.resized`."""
        return self.source.resized(size)

    def _band(self, rows: range, columns: range) -> UInt8[Tensor, "h w 3"]:
        height, width = self.source.size
        lines, down = triangle_weights(height, self.size[0], rows)
        places, across = triangle_weights(width, self.size[1], columns)
        total = torch.zeros(len(rows), len(columns), 3)
        most = max(min(STRIP_PIXELS // len(places), GREATEST_STRIP), 1)
        for strip in parts(lines, most):
            own = down[:, strip.start - lines.start : strip.stop - lines.start]
            first, weights = _from_first(own)
            pixels = self.source.read(strip, places)
            total[first : first + len(weights)] += _across(_down(pixels, weights), across)
        return total.round_().clamp_(0, 255).to(torch.uint8)


def parts(whole: range, most: int) -> Iterator[range]:
    """Divide a range into nearly equal ones of at most some length.

    Example:
        >>> list(parts(range(2, 9), 3))
        [range(2, 4), range(4, 6), range(6, 9)]
    """
    number = math.ceil(len(whole) / most)
    borders = [len(whole) * part // number for part in range(number + 1)]
    return (whole[start:stop] for start, stop in pairwise(borders))


def triangle_weights(old: int, new: int, part: range) -> tuple[range, sparse.csr_array]:
    """How much each old pixel of one axis gives to each new one; a new one's weights sum to 1.

    Args:
        old: Pixels there are.
        new: Pixels there will be.
        part: Those that are wanted of the new ones.

    Returns:
        The old pixels that are needed, and (new, old) weights of those.
    """
    ratio = old / new
    reach = max(ratio, 1.0)
    centres = (np.arange(part.start, part.stop) + 0.5) * ratio
    first = np.maximum(np.floor(centres - reach).astype(np.int64), 0)
    places = first[:, None] + np.arange(math.ceil(2 * reach) + 2)
    weights = np.maximum(1 - np.abs(places + 0.5 - centres[:, None]) / reach, 0)
    weights[places >= old] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    rows, taps = weights.nonzero()
    used = places[rows, taps]
    span = range(int(used.min()), int(used.max()) + 1)
    shape = (len(part), len(span))
    values = weights[rows, taps].astype(np.float32)
    return span, sparse.csr_array((values, (rows, used - span.start)), shape=shape)


def _from_first(weights: sparse.csr_array) -> tuple[int, Float[Tensor, "m k"]]:
    """The first new row that a strip gives something to, and the weights of those it does."""
    touched = np.flatnonzero(np.diff(weights.indptr))
    first, last = touched[0], touched[-1]
    return int(first), torch.from_numpy(weights[first : last + 1].toarray())


def _down(pixels: UInt8[Tensor, "3 k n"], weights: Float[Tensor, "m k"]) -> Float[Tensor, "m n 3"]:
    rows = pixels.permute(1, 2, 0).flatten(1)
    chunks = torch.split(rows, max(CHUNK // len(rows), 1), dim=1)
    summed = [weights @ chunk.float() for chunk in chunks]
    return torch.cat(summed, dim=1).reshape(len(weights), -1, 3)


def _across(block: Float[Tensor, "m n 3"], across: sparse.csr_array) -> Float[Tensor, "m w 3"]:
    height, width = block.shape[:2]
    columns = block.permute(1, 0, 2).reshape(width, -1)
    narrowed = torch.from_numpy(across @ columns.numpy())
    return narrowed.reshape(-1, height, 3).permute(1, 0, 2)
