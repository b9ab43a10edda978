"""The newest frame of a camera or stream, which goes on while one is counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING

from crowdkit_core.errors import CrowdkitError, DataError
from crowdkit_core.inference.images import LoadedImage
from crowdkit_core.inference.sources.addresses import Address, Camera
from crowdkit_core.inference.sources.clips import KEPT, as_loaded
from crowdkit_core.inference.sources.opened import decoded, opened_video, said_by
from crowdkit_core.inference.sources.span import Due, Span
from crowdkit_core.moments import moment
from crowdkit_core.pyav import pyav

if TYPE_CHECKING:  # an extra
    from av import VideoFrame


def newest_frames(source: Address | Camera, every: Span | None) -> Iterator[LoadedImage]:
    """Whatever frame is the newest when one is asked for; those in between are dropped.

    Times are those of arrival, from the first frame on: cameras on the web often send none.

    Raises:
        DataError: As of `opened_video`; that the stream has ended, with a reason if there is one.
        MissingPackageError: PyAV is not installed.
    """
    pyav()
    due, watching = Due(every), _Watching(source)
    try:
        for arrived in watching:
            if due(arrived.number, arrived.time):
                yield as_loaded(source, arrived.frame, arrived.number, arrived.time)
    finally:
        watching.stop()


@dataclass(frozen=True, slots=True)
class _Arrived:
    frame: "VideoFrame"
    number: int
    time: Fraction


class _Watching:
    """A thread that reads a stream as fast as it comes and keeps the frame that came last.

    The thread opens and closes the stream itself, so nobody has to wait for it: a stream that has
    fallen silent would keep it for seconds.
    """

    def __init__(self, source: Address | Camera) -> None:
        self._source = source
        self._changed = Condition()
        self._newest: _Arrived | None = None
        self._end: CrowdkitError | None = None
        self._stopped = False
        Thread(target=self._read, name=f"crowdkit-{source}", daemon=True).start()

    def __iter__(self) -> Iterator[_Arrived]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._end is not None)
                arrived, self._newest = self._newest, None
            if arrived is not None:
                yield arrived
            elif self._end is not None:
                raise self._end

    def stop(self) -> None:
        self._stopped = True

    def _read(self) -> None:
        started = last = None
        reason = ""
        try:
            with opened_video(self._source) as (container, stream):
                for number, frame in enumerate(decoded(container, stream)):
                    if self._stopped:
                        return
                    if frame is not None:
                        now = monotonic()
                        started = now if started is None else started
                        last = now - started
                        self._arrive(_Arrived(frame, number, Fraction(last)))
        except CrowdkitError as error:
            self._finish(error)
            return
        except Exception as error:  # whatever it is, nobody else would hear of it
            reason = f" ({said_by(error)})"
        when = "before its first frame" if last is None else f"after {moment(last)}"
        self._finish(DataError(f"{self._source}: the stream ended {when}{reason}; {KEPT}"))

    def _arrive(self, arrived: _Arrived) -> None:
        with self._changed:
            self._newest = arrived
            self._changed.notify_all()

    def _finish(self, end: CrowdkitError) -> None:
        with self._changed:
            self._end = end
            self._changed.notify_all()
