"""The counts of a clip over time: their medians, and what they come to."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import fmean, median
from typing import Self

from crowdkit_core.inference.output import CountRow
from crowdkit_core.inference.sources import Span
from crowdkit_core.moments import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipCounts:
    """What the counts of a clip come to.

    Attributes:
        frames: How many were counted.
        mean: Of the counts.
        median: Of the counts.
        maximum: The greatest count.
        maximum_time: Seconds at which it was first.
    """

    frames: int
    mean: float
    median: float
    maximum: float
    maximum_time: float

    @classmethod
    def of(cls, rows: Sequence[CountRow]) -> Self:
        """The sum of a clip's rows, of which there is one at least."""
        counts = [row.count for row in rows]
        greatest = max(rows, key=lambda row: row.count)
        return cls(
            frames=len(rows),
            mean=fmean(counts),
            median=median(counts),
            maximum=greatest.count,
            maximum_time=greatest.time or 0.0,
        )

    def __str__(self) -> str:
        """``3 frames: mean 2.0, median 2.0, maximum 3.0 at 0:01.0``."""
        return (
            f"{self.frames} frame{'s' * (self.frames != 1)}: mean {self.mean:.1f}, "
            f"median {self.median:.1f}, maximum {self.maximum:.1f} at {moment(self.maximum_time)}"
        )


def clips_in(rows: Sequence[CountRow]) -> dict[str, list[CountRow]]:
    """The rows that have a time, by their clip."""
    timed = (row for row in rows if row.time is not None)
    return {file: list(group) for file, group in groupby(timed, key=lambda row: row.file)}


def smoothed(rows: Sequence[CountRow], window: Span) -> list[CountRow]:
    """Rows with the median of their clip's counts within a window whose middle is their time.

    People are not followed from frame to frame: counts alone are. Near the ends of a clip the
    window holds what there is.

    Args:
        rows: Those of a clip one after the other in time.
        window: Its whole length, in time or in counted frames.
    """
    medians = {
        id(row): value
        for clip in clips_in(rows).values()
        for row, value in zip(clip, _medians(clip, window), strict=True)
    }
    return [replace(row, smoothed=medians.get(id(row))) for row in rows]


def _medians(clip: Sequence[CountRow], window: Span) -> list[float]:
    in_frames = window.unit == "frames"
    places = [float(index) if in_frames else row.time or 0.0 for index, row in enumerate(clip)]
    half = float(window.length - in_frames) / 2 + 1e-9  # times are rounded
    medians, inside = [], list[float]()
    first = last = 0
    for place in places:
        while last < len(clip) and places[last] <= place + half:
            insort(inside, clip[last].count)
            last += 1
        while places[first] < place - half:
            del inside[bisect_left(inside, clip[first].count)]
            first += 1
        medians.append((inside[len(inside) // 2] + inside[(len(inside) - 1) // 2]) / 2)
    return medians
