"""Tell the time of each frame of a video from its timestamp."""

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # an extra
    from av import VideoFrame

USUAL_STEP = Fraction(1, 25)
"""Seconds from frame to frame where nothing says it."""


class Clock:
    """Seconds since the first frame; they never go back.

    Timestamps begin anywhere. They begin anew in the middle where recordings were put one behind
    the other: what follows then follows here, too. A frame without one comes a step later.

    Args:
        step: Seconds from frame to frame, on average.
    """

    def __init__(self, step: Fraction) -> None:
        self._step = step
        self._start: Fraction | None = None
        self.last: Fraction | None = None
        """The time of the frame before, None before the first one."""

    def __call__(self, frame: "VideoFrame") -> Fraction:
        """The time of the next frame."""
        stamp = _stamp(frame)
        if self.last is None:
            self.last, self._start = Fraction(0), stamp
            return self.last
        following = self.last + self._step
        if stamp is None:
            self.last = following
            return following
        if self._start is None or stamp - self._start < self.last:
            self._start = stamp - following
        self.last = stamp - self._start
        return self.last


def _stamp(frame: "VideoFrame") -> Fraction | None:
    ticks = frame.dts if frame.pts is None else frame.pts
    return None if ticks is None or frame.time_base is None else ticks * frame.time_base
