"""Choose the size in which a counter is shown an image."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.data.transforms import LongSide, Resizing, scaled
from crowdkit_core.interfaces import Prediction, Size

MOST_CELLS = 2**22
"""Of larger maps rows and columns of cells are left out evenly, which a median hardly notices."""

HeadDistance = tuple[float, float]
"""Least and greatest pixels between neighbouring heads."""

UNCHANGED = Resizing()
"""Images keep their size."""

WINDOW = 40
"""Side in pixels of the square in which persons are counted to say how dense a place is."""

NEIGHBOUR = 1.5
"""``1 / sqrt(density)`` is about this many times the distance from a head to the nearest other.

Of 98 images of ShanghaiTech A the ratio of the two medians is 1.51 (1.05 to 1.77 in nine of ten);
their logarithms correlate with 0.98. A square lattice would have 1, random places 2.
"""

LEAST_PEOPLE = 10
"""A map of fewer people does not say how far heads are apart."""

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
        resizing: The size in which it is first shown.
        long_side: Lengths of the longer side that it was trained on; None if not known.
        head_distance: Pixels between neighbouring heads that it was trained on; None if not known.
        check_heads: Show the image once more, larger, where predicted heads are nearer to each
            other than those it was trained on.
    """

    resizing: Resizing = UNCHANGED
    long_side: LongSide | None = None
    head_distance: HeadDistance | None = None
    check_heads: bool = False

    @classmethod
    def trained_on(cls, long_side: LongSide, head_distance: HeadDistance | None) -> Self:
        """The size that suits a counter: images get the greatest side it was trained on.

        Copies of a photo are then shown in one size, whatever theirs, and get one count but for
        the detail they lost.

        Example:
            >>> Sizing.trained_on((400, 1024), None).first((7500, 10000))
            (768, 1024)
        """
        return cls(
            resizing=_suiting(long_side),
            long_side=long_side,
            head_distance=head_distance,
            check_heads=head_distance is not None,
        )

    def first(self, size: Size) -> Size:
        """(H, W) in which an image of this (H, W) is shown."""
        return self.resizing(size)

    def second(self, shown: Size, distance: float | None) -> Size | None:
        """A larger (H, W) than the one an image was shown in, or None if that was good.

        Heads too near to each other are brought to the least distance of training. Those far
        apart may be small all the same, so an image is never shrunk for their sake.

        Args:
            shown: (H, W) it was shown in.
            distance: Predicted pixels between neighbouring heads there.

        Example:
            >>> sizing = Sizing.trained_on((400, 1024), (6.0, 40.0))
            >>> sizing.second((768, 1024), 4.0), sizing.second((768, 1024), 9.0)
            ((1152, 1536), None)
        """
        if not self.check_heads or self.head_distance is None or distance is None:
            return None
        nearest, _ = self.head_distance
        if distance >= nearest / TOLERANCE:
            return None
        return scaled(shown, min(nearest / distance, GREATEST_STEP))

    def described(self) -> str:
        """The sizes in a few words, the same for the same sizes.

        Example:
            >>> Sizing.trained_on((400, 1024), (6.0, 40.0)).described()
            'long side 1024, heads 6 to 40 pixels apart'
            >>> Sizing(resizing=Resizing(scale=0.5)).described(), Sizing().described()
            ('scale 0.5', 'own size')
        """
        parts = []
        if self.resizing.long_side is not None:
            parts.append(f"long side {' to '.join(map(str, sorted({*self.resizing.long_side})))}")
        if self.resizing.scale != 1:
            parts.append(f"scale {self.resizing.scale:g}")
        if self.check_heads and self.head_distance is not None:
            nearest, farthest = self.head_distance
            parts.append(f"heads {nearest:g} to {farthest:g} pixels apart")
        return ", ".join(parts) or "own size"

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
        if self.long_side is None or self.resizing != _suiting(self.long_side):
            return line  # as its caller asked
        if shown == self.first(size):
            return f"{line}: the counter was trained on images of up to {self.long_side[1]} pixels"
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


def _suiting(long_side: LongSide) -> Resizing:
    return Resizing(long_side=(long_side[1], long_side[1]))


def head_distance(prediction: Prediction) -> float | None:
    """Pixels between neighbouring heads, the median over the predicted persons.

    None for a prediction without a density map, or of too few people to say.

    Args:
        prediction: Of a batch of one.
    """
    if prediction.density is None or prediction.stride is None:
        return None
    density = prediction.density[0].clamp_min(0)
    if not density.sum() >= LEAST_PEOPLE:  # nor if it is not a number
        return None
    every = math.ceil(math.sqrt(density.numel() / MOST_CELLS))
    distance = _neighbour_distance(density, prediction.stride, every)
    return _weighted_median(distance, density[:, ::every, ::every])


def _neighbour_distance(
    density: Float[Tensor, "1 h w"], stride: int, every: int
) -> Float[Tensor, "1 hk wk"]:
    """Pixels from a head to the nearest other, by the density of the place it stands in."""
    cells = 2 * round(WINDOW / stride / 2) + 1
    local = F.avg_pool2d(density, cells, every, cells // 2, count_include_pad=False)
    return stride / local.clamp_min(torch.finfo(local.dtype).tiny).sqrt() / NEIGHBOUR


def _weighted_median(values: Tensor, weights: Tensor) -> float:
    order = values.flatten().argsort()
    sums = weights.flatten()[order].double().cumsum(0)
    middle = int(torch.searchsorted(sums, sums[-1] / 2))
    return values.flatten()[order[middle]].item()


def _by(size: Size) -> str:
    return f"{size[1]} x {size[0]}"
