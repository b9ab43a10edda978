"""Cameras and streams: the newest frame is counted, and an end is said."""

import threading
from contextlib import contextmanager
from queue import Queue

import av
import pytest

from crowdkit_core.errors import DataError
from crowdkit_core.inference import Model
from crowdkit_core.inference.sources import Reading, Span, as_address, images_in, live
from crowdkit_core.testing.toys import ToyCounter


class FakeCamera:
    """Shows frames when it is told to."""

    def __init__(self, clips):
        self._clips = clips
        self._coming = Queue()
        self.now = 100.0
        self.closed = threading.Event()

    @contextmanager
    def opened(self, source):
        try:
            yield None, None
        finally:
            self.closed.set()

    def decoded(self, container, stream):
        while True:
            shown = self._coming.get()
            if isinstance(shown, Exception):
                raise shown
            if shown is None:
                return
            yield shown
            self._coming.task_done()

    def put(self, *numbers):
        for number in numbers:
            picture = self._clips.grey(number)
            self._coming.put(av.VideoFrame.from_ndarray(picture, format="rgb24"))

    def show(self, *numbers):
        """Come back when all have arrived."""
        self.put(*numbers)
        self._coming.join()

    def leave(self, error=None):
        self._coming.put(error)


@pytest.fixture
def camera(clips, monkeypatch):
    fake = FakeCamera(clips)
    monkeypatch.setattr(live, "opened_video", fake.opened)
    monkeypatch.setattr(live, "decoded", fake.decoded)
    monkeypatch.setattr(live, "monotonic", lambda: fake.now)
    yield fake
    fake.leave()


def test_a_count_is_of_the_newest_frame_and_none_is_read_ahead(camera, clips):
    stream = Model(counter=ToyCounter()).stream(0)
    camera.put(0)
    first = next(stream)
    assert (first.name, first.frame, first.time) == ("camera:0", 0, 0.0)
    assert clips.number(first.pixels) == 0
    camera.now = 102.5
    camera.show(1, 2, 3)
    later = next(stream)
    assert (clips.number(later.pixels), later.frame, later.time) == (3, 3, 2.5)


def test_steps_go_by_the_time_of_arrival(camera):
    images = images_in(as_address(0), Reading(every=Span.of("1s", "every")))
    camera.put(0)
    assert next(images).frame == 0
    camera.now = 100.9
    camera.show(1)
    taken = []
    waiting = threading.Thread(target=lambda: taken.append(next(images)))
    waiting.start()
    camera.show(2)
    camera.now = 101.1
    camera.show(3)
    waiting.join(timeout=60)
    assert [image.frame for image in taken] == [3]


@pytest.mark.parametrize(
    ("error", "said"),
    [(None, "ended after 0:05.0;"), (OSError("unplugged"), "ended after 0:05.0 (unplugged);")],
)
def test_a_camera_that_goes_away_is_said_after_its_last_frame(camera, error, said):
    images = images_in(as_address("camera:0"))
    camera.put(0)
    next(images)
    camera.now = 105.0
    camera.show(1)
    camera.leave(error)
    assert next(images).frame == 1
    with pytest.raises(DataError) as ended:
        next(images)
    assert str(ended.value).startswith(f"camera:0: the stream {said}")
    assert camera.closed.is_set()


def test_who_stops_asking_lets_go_of_the_camera(camera):
    images = images_in(as_address(0))
    camera.put(0)
    next(images)
    images.close()
    camera.put(1)
    assert camera.closed.wait(timeout=60)


def test_a_camera_that_is_not_there():
    with pytest.raises(DataError, match=r"^camera:97: no such camera"):
        next(images_in(as_address("camera:97")))
