"""Decide once, over many files, which values are black and white."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from crowdkit_core.data.files.stacks.frames import Frames, Values
from crowdkit_core.data.files.stacks.opening import opened_frames
from crowdkit_core.data.files.stacks.selection import ALL_FRAMES, Selection
from crowdkit_core.data.files.value_ranges import range_of, thinned
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import ValueRange

MOST_FRAMES = 100
"""Frames that are looked at, at even distances among all of them."""

_EIGHT_BITS = frozenset(
    (*(".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif"), *(".bmp", ".heic", ".heif", ".avif"))
)
"""Endings, in lower case, of files that need not be opened to know it."""


@dataclass(frozen=True, slots=True)
class DecidedRange:
    """A range that images decided.

    Attributes:
        values: The range.
        frames: How many frames were looked at.
    """

    values: ValueRange
    frames: int


def decided_range(
    files: Iterable[str | Path], selection: Selection = ALL_FRAMES
) -> DecidedRange | None:
    """One range for all files of more than 8 bits; None if there are none.

    Files that cannot be read have no say: they are refused when their turn comes.

    Args:
        files: Image files; most formats are of 8 bits and not opened.
        selection: What is taken from each.
    """
    deep = [
        (path, position)
        for path in map(Path, files)
        if path.suffix.lower() not in _EIGHT_BITS
        for position in range(_deep_frames(path, selection))
    ]
    samples = list(_samples(_spread(deep), selection))
    return DecidedRange(range_of(samples), len(samples)) if samples else None


def _spread(deep: Sequence[tuple[Path, int]]) -> list[tuple[Path, int]]:
    if len(deep) <= MOST_FRAMES:
        return list(deep)
    places = np.linspace(0, len(deep) - 1, MOST_FRAMES).round().astype(int)
    return [deep[place] for place in places.tolist()]


def _deep_frames(path: Path, selection: Selection) -> int:
    with suppress(DataError), opened_frames(path, selection) as frames:
        return len(frames.chosen) if frames.deep else 0
    return 0


def _samples(places: Iterable[tuple[Path, int]], selection: Selection) -> Iterator[Values]:
    for path, of_file in groupby(places, key=lambda place: place[0]):
        with suppress(DataError), opened_frames(path, selection) as frames:
            yield from _readable(frames, [position for _, position in of_file])


def _readable(frames: Frames, positions: Iterable[int]) -> Iterator[Values]:
    for position in positions:
        values = frames.chosen[position].read()
        if values.dtype != np.uint8 and np.isfinite(values).all():
            yield thinned(values)
