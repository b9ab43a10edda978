"""Open clips, streams and cameras; what cannot be read is refused in one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from crowdkit_core.data.files.opening import require_file
from crowdkit_core.errors import DataError
from crowdkit_core.inference.sources.addresses import Address, Camera, Source
from crowdkit_core.pyav import pyav

if TYPE_CHECKING:  # an extra
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

ANSWER_SECONDS = 10.0
"""What a stream may take to answer, and then from frame to frame."""

PREFERRED = "prefer_tcp"
"""By TCP frames come whole; cameras that do not know it are asked by UDP."""


@contextmanager
def opened_video(source: Source) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """The container of a video and its picture stream.

    Raises:
        DataError: It is missing, empty, damaged, without picture or in an unknown codec; it does
            not answer; there is no such camera.
        MissingPackageError: PyAV is not installed.
    """
    with _opened(source) as container:
        stream = container.streams.best("video")
        if stream is None:
            kinds = sorted({each.type for each in container.streams})
            held = f"only {' and '.join(kinds)}" if kinds else "nothing"
            raise DataError(f"{source}: no video stream, {held} in it")
        if stream.codec_context is None:
            raise DataError(
                f"{source}: its video is in a codec that PyAV does not know",
                hint="convert it, as by `ffmpeg -i clip.avi -c:v libx264 clip.mp4`",
            )
        stream.thread_type = "AUTO"
        yield container, stream


def decoded(container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame | None"]:
    """The frames in the order they are shown; None for one that is damaged.

    Raises:
        av.FFmpegError: No more can be read.
    """
    av = pyav()
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            yield None
            continue
        for frame in frames:
            yield None if frame.is_corrupt else frame


def said_by(error: Exception) -> str:
    """What FFmpeg says of an error."""
    return str(getattr(error, "strerror", None) or error)


def _opened(source: Source) -> Any:
    av = pyav()
    if isinstance(source, Path):
        require_file(source, "a video")
    started = monotonic()
    try:
        name, more = _place(source)
        return av.open(name, "r", timeout=ANSWER_SECONDS, **more)
    except (av.FFmpegError, OSError, LookupError, ValueError) as error:
        raise _refused(source, error, waited=monotonic() - started) from error


def _place(source: Source) -> tuple[str, dict[str, Any]]:
    """What FFmpeg calls a source, and what else it is told of it."""
    if isinstance(source, Path):
        return f"file:{source}", {}  # or else 12:30.mp4 were a protocol
    if isinstance(source, Address):
        by_rtsp = source.url.lower().startswith("rtsp")
        return source.url, {"options": {"rtsp_flags": PREFERRED}} if by_rtsp else {}
    if sys.platform == "win32":  # there cameras have names
        devices = pyav().enumerate_input_devices("dshow")
        names = [each.name for each in devices if "video" in each.media_types]
        return f"video={names[source.number]}", {"format": "dshow"}
    if sys.platform == "darwin":  # which refuses FFmpeg's own 29.97
        return str(source.number), {"format": "avfoundation", "options": {"framerate": "30"}}
    return f"/dev/video{source.number}", {"format": "v4l2"}


def _refused(source: Source, error: Exception, *, waited: float) -> DataError:
    if isinstance(source, Camera):
        missing = isinstance(error, FileNotFoundError | LookupError)
        said = "no such camera" if missing else f"cannot be opened: {said_by(error)}"
        return DataError(f"{source}: {said}", hint=_cameras())
    if isinstance(source, Address):
        silent = waited > 0.9 * ANSWER_SECONDS
        said = f"within {ANSWER_SECONDS:g} s" if silent else f": {said_by(error)}"
        return DataError(f"{source}: no answer{' ' * silent}{said}")
    return DataError(
        f"{source}: cannot be read as a video: {said_by(error)}",
        hint="it is damaged, cut short where its index was, or no video",
    )


def _cameras() -> str:
    if sys.platform != "linux":
        return ""
    numbers = sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video*"))
    return f"there are cameras {', '.join(numbers)}" if numbers else "there is no camera here"
