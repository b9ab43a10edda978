"""Write pictures as a video, each shown at its time."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import UInt8

from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.files import atomic_write
from crowdkit_core.pyav import pyav

if TYPE_CHECKING:  # an extra
    from av.container import OutputContainer
    from av.video.stream import VideoStream

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
ENCODERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"preset": "veryfast", "crf": "23"}),
    ("h264", {}),
    ("mpeg4", {"qmax": "5"}),
)
"""From the best on; a build of FFmpeg has some of them, and every one has the last."""

TICKS = 1000
"""Of a second, in which times are written."""


class Film:
    """A video that is there when the ``with`` ends well, and is not half-written otherwise.

    It has no sound. Without a picture there is no file.

    Args:
        path: Ends in .mp4, .m4v, .mov or .mkv.

    Raises:
        UsageError: Another ending.
        MissingPackageError: PyAV is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        if Path(path).suffix.lower() not in SUFFIXES:
            raise UsageError(f"{path}: videos are written as {', '.join(SUFFIXES)}")
        pyav()
        self._path = Path(path)
        self._open = ExitStack()
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._ticks = -1
        self._gap = TICKS // 25

    def __enter__(self) -> Self:
        return self

    def add(self, picture: UInt8[np.ndarray, "h w 3"], time: float) -> None:
        """Show a picture from a time on.

        Args:
            picture: RGB with even sides, of one size throughout.
            time: Seconds, more than that of the picture before.
        """
        av = pyav()
        height, width = picture.shape[:2]
        if self._container is None or self._stream is None:
            temporary = self._open.enter_context(atomic_write(self._path))
            self._container = av.open(f"file:{temporary}", "w")
            self._stream = _stream_of(self._container, width, height)
        ticks = max(round(time * TICKS), self._ticks + 1)
        if self._ticks >= 0:
            self._gap = ticks - self._ticks
        self._ticks = ticks
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = ticks, Fraction(1, TICKS)
        self._mux(self._stream.encode(frame))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._container is not None and self._stream is not None:
                if error is None:
                    self._mux(self._stream.encode())
                self._container.close()
        except BaseException as failed:
            self._open.__exit__(type(failed), failed, failed.__traceback__)
            raise
        self._open.__exit__(kind, error, trace)

    def _mux(self, packets: list[Any]) -> None:
        if self._container is None:
            return
        for packet in packets:
            packet.duration = round(self._gap / TICKS / packet.time_base)  # what the last one keeps
            self._container.mux(packet)


def _stream_of(container: Any, width: int, height: int) -> Any:
    """A picture stream of the best encoder there is."""
    av = pyav()
    for name, options in ENCODERS:
        try:
            av.Codec(name, "w")
        except av.codec.codec.UnknownCodecError:
            continue
        stream = container.add_stream(name, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.max_b_frames = 0  # so packets come in the order of their times
        return stream
    raise CrowdkitError("this build of PyAV writes no video", hint="pip install --upgrade av")
