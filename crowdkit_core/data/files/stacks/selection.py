"""Which images are taken from a file that holds many."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crowdkit_core.errors import DataError, UsageError

ProjectionRule = Literal["max", "mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Planes along one axis made one image.

    Attributes:
        rule: ``max``, the brightest of each pixel, or ``mean``.
        axis: ``z`` or ``t``.
    """

    rule: ProjectionRule
    axis: str = "z"

    def __str__(self) -> str:
        return f"the {self.rule} over {self.axis}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is taken from a file of many images.

    Attributes:
        frames: A frame's number from 0, or a slice of them; None for all. They are numbered as
            they lie in the file, once a channel is chosen and planes are projected.
        channel: Its number from 0, or the name that OME metadata gives it; None in files of one.
        projection: Planes made one image; None leaves each a frame of its own.
    """

    frames: int | slice | None = None
    channel: int | str | None = None
    projection: Projection | None = None

    def chosen(self, total: int, path: Path) -> Sequence[int]:
        """The numbers of the frames among a file's.

        Raises:
            DataError: The file has none of them.

        Example:
            >>> list(Selection(frames=slice(0, 100, 10)).chosen(25, Path("a.tif")))
            [0, 10, 20]
        """
        if self.frames is None:
            return range(total)
        number = self.frames
        if isinstance(number, slice):
            found: Sequence[int] = range(total)[number]
        else:
            found = [number] if 0 <= number < total else []
        if not found:
            has = "one frame, number 0" if total == 1 else f"{total} frames, 0 to {total - 1}"
            raise DataError(f"{path}: has no frame {_shown(number)}; it has {has}")
        return found


ALL_FRAMES = Selection()
"""Every frame, without choosing a channel or projecting."""


def parse_frames(text: str) -> int | slice:
    """``3``, or ``FIRST:END:STEP`` as in Python, where END is left out of the frames.

    Raises:
        UsageError: It is neither.

    Example:
        >>> parse_frames("3"), parse_frames("0:100:10")
        (3, slice(0, 100, 10))
    """
    parts = text.split(":")
    try:
        numbers = [int(part) if part.strip() else None for part in parts]
    except ValueError:
        numbers = []
    start, stop, step = (*numbers, None, None, None)[:3]
    known = [number for number in (start, stop) if number is not None]
    if not numbers or len(parts) > 3 or min(known, default=0) < 0 or (step or 1) < 1:
        raise UsageError(f"frames {text!r}: expected a number from 0, or FIRST:END:STEP")
    if len(parts) > 1:
        return slice(start, stop, step)
    if start is None:
        raise UsageError(f"frames {text!r}: expected a number from 0, or FIRST:END:STEP")
    return start


def parse_projection(text: str) -> Projection:
    """``max`` or ``mean``, over z unless ``:t`` is added.

    Raises:
        UsageError: It is none of these.

    Example:
        >>> print(parse_projection("max"), parse_projection("mean:t"), sep="; ")
        the max over z; the mean over t
    """
    rule, _, axis = text.partition(":")
    if rule not in ("max", "mean") or axis not in ("", "z", "t"):
        raise UsageError(f"projection {text!r}: expected max or mean, or one with :t, as max:t")
    return Projection(rule=rule, axis=axis or "z")  # type: ignore[arg-type]  # checked above


def _shown(frames: int | slice) -> str:
    if isinstance(frames, int):
        return str(frames)
    parts = (frames.start, frames.stop, frames.step)
    return ":".join("" if part is None else str(part) for part in parts)
