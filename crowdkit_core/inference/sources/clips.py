"""The frames of a recorded video, one after the other."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from crowdkit_core.errors import DataError
from crowdkit_core.inference.images import LoadedImage, Passing
from crowdkit_core.inference.sources.addresses import Source
from crowdkit_core.inference.sources.clock import USUAL_STEP, Clock
from crowdkit_core.inference.sources.opened import decoded, opened_video, said_by
from crowdkit_core.inference.sources.span import Due, Span
from crowdkit_core.inference.sources.upright import pixels_of
from crowdkit_core.moments import moment
from crowdkit_core.pyav import pyav

if TYPE_CHECKING:  # an extra
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MISSING_SECONDS = Fraction(1, 2)
"""What may lack at the end of a clip by what its file says; the two are never quite the same."""


def frames_of(clip: Source, every: Span | None) -> Iterator[LoadedImage]:
    """The frames of a clip, each decoded when it is asked for and forgotten thereafter.

    Raises:
        DataError: As of `opened_video`; at the end, that the clip is cut short or that frames were
            damaged. Those before and between them have been given.
        MissingPackageError: PyAV is not installed.
    """
    with opened_video(clip) as (container, stream):
        clock, due = Clock(step_of(stream)), Due(every)
        end, damaged = Fraction(0), list[Fraction]()
        try:
            for number, frame in enumerate(decoded(container, stream)):
                if frame is None:
                    damaged.append(end)
                    continue
                time = clock(frame)
                end = time + _shown_for(frame, stream)
                if due(number, time):
                    yield as_loaded(clip, frame, number, time)
        except pyav().FFmpegError as error:
            raise DataError(
                f"{clip}: cannot be read beyond {moment(float(end))} ({said_by(error)}); {KEPT}"
            ) from error
        _require_whole(clip, end, _length(container, stream), damaged)


def clip_seconds(clip: Source) -> float | None:
    """How long a clip is by what its file says; None where it does not, as of a camera.

    Raises:
        DataError: As of `opened_video`.
        MissingPackageError: PyAV is not installed.
    """
    with opened_video(clip) as (container, stream):
        length = _length(container, stream)
        if length is None and container.duration is not None:
            length = _in_seconds(container.duration)
        return None if length is None else float(length)


def step_of(stream: "VideoStream") -> Fraction:
    """Seconds from frame to frame, on average."""
    rate = stream.average_rate or stream.guessed_rate
    return 1 / rate if rate else USUAL_STEP


def as_loaded(source: Source, frame: "VideoFrame", number: int, time: Fraction) -> LoadedImage:
    """A frame as an image to be counted."""
    pixels = pixels_of(frame)
    return LoadedImage(str(source), pixels, Passing(pixels), frame=number, time=float(time))


KEPT = "what was counted before is kept"


def _length(container: "InputContainer", stream: "VideoStream") -> Fraction | None:
    """Seconds of the pictures by what the file says; None where it tells of sound as well."""
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return stream.frames / stream.average_rate  # its duration is a guess where it is cut
    if stream.duration is not None and stream.time_base is not None:
        return stream.duration * stream.time_base
    matroska = re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", stream.metadata.get("DURATION", ""))
    if matroska is not None:
        hours, minutes, seconds = map(Fraction, matroska.groups())
        return (hours * 60 + minutes) * 60 + seconds
    if container.duration is None or len(container.streams) > 1:
        return None
    return _in_seconds(container.duration)


def _in_seconds(duration: int) -> Fraction:
    return Fraction(duration, 1_000_000)


def _shown_for(frame: "VideoFrame", stream: "VideoStream") -> Fraction:
    if frame.duration and frame.time_base:
        return frame.duration * frame.time_base
    return step_of(stream)


def _require_whole(
    clip: Source, end: Fraction, length: Fraction | None, damaged: list[Fraction]
) -> None:
    """Refuse, after its last frame, a clip of which some are missing."""
    if not end:
        raise DataError(f"{clip}: no frame of it can be read: it is cut short or damaged")
    if length is not None and end < length - MISSING_SECONDS:
        raise DataError(
            f"{clip}: ends at {moment(float(end))} of {moment(float(length))}, "
            f"so it is cut short or damaged; {KEPT}"
        )
    if damaged:
        number = len(damaged)
        said = "1 frame is damaged, at" if number == 1 else f"{number} frames are damaged, from"
        raise DataError(f"{clip}: {said} about {moment(float(damaged[0]))}; all others are counted")
