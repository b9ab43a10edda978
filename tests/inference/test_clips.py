"""Frames of recorded clips: which ones, when, which way up, and what a broken end leaves."""

import os
import socket
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from weakref import WeakSet

import numpy as np
import pytest

from crowdkit_core.errors import DataError, MissingPackageError, UsageError
from crowdkit_core.inference import Model
from crowdkit_core.inference.sources import Reading, Span, as_address, images_in, opened
from crowdkit_core.testing.toys import ToyCounter


def frames(source, every=None):
    """What is given of a source, and the error that ends it."""
    taken, reading = [], Reading(every=None if every is None else Span.of(every, "every"))
    try:
        taken.extend(images_in(source, reading))
    except DataError as error:
        return taken, str(error)
    return taken, None


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_all_frames_with_their_numbers_and_times(clips, suffix):
    clip = clips.write(f"clip.{suffix}", 12)
    taken, error = frames(clip)
    assert error is None
    assert [image.frame for image in taken] == list(range(12))
    assert [clips.number(image.pixels) for image in taken] == list(range(12))
    assert [image.time for image in taken] == pytest.approx(np.arange(12) / 10, abs=2e-3)
    assert {image.name for image in taken} == {str(clip)}


@pytest.mark.parametrize(
    ("every", "expected"),
    [("1s", [0, 3, 5]), (0.5, [0, 2, 3, 5]), ("2f", [0, 2, 4]), ("10s", [0]), ("50ms", range(6))],
)
def test_steps_go_by_timestamps_not_by_numbers(clips, every, expected):
    clip = clips.write("uneven.mp4", 6, times=[0, 0.1, 0.9, 1.1, 1.2, 3.0])
    taken, error = frames(clip, every)
    assert error is None
    assert [image.frame for image in taken] == list(expected)
    assert [clips.number(image.pixels) for image in taken] == list(expected)


@pytest.mark.parametrize("every", ["0", "-1", "soon", "1.5f", "", "nan", "inf", "1e9", "0s"])
def test_a_step_that_makes_no_sense(every):
    with pytest.raises(UsageError, match=r"every .* expected a time greater than 0"):
        Span.of(every, "every")


@pytest.mark.parametrize("mirrored", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_frames_are_turned_and_mirrored_as_the_file_says(clips, degrees, mirrored):
    stored = np.full((48, 64, 3), 20, dtype=np.uint8)
    stored[:16, :32] = 230  # no turn of it looks like another
    clip = clips.write("phone.mp4", [stored], turned=(degrees, *mirrored))
    expected = np.rot90(stored, degrees // 90)
    for axis, flipped in zip((1, 0), mirrored, strict=True):
        expected = np.flip(expected, axis) if flipped else expected
    (taken,), _ = frames(clip)
    given = taken.pixels.permute(1, 2, 0).numpy()
    assert given.shape == expected.shape
    assert np.abs(given.astype(int) - expected).mean() < 8


def test_a_recording_behind_another_goes_on_in_time(clips):
    first = clips.write("a.ts", 6)
    joined = first.with_name("joined.ts")
    joined.write_bytes(first.read_bytes() * 2)
    taken, _ = frames(joined)
    times = [image.time for image in taken]
    assert len(times) == 12
    assert np.diff(times) == pytest.approx(np.full(11, 0.1), abs=5e-3)


@pytest.mark.parametrize(
    ("name", "options"),
    [("clip.mp4", {"movflags": "faststart"}), ("clip.mkv", {}), ("clip.avi", {})],
)
def test_frames_before_a_broken_end_are_given(clips, name, options):
    clip = clips.cut(clips.write(name, 30, options=options), 0.6)
    taken, error = frames(clip)
    assert 5 < len(taken) < 25
    assert [clips.number(image.pixels) for image in taken] == list(range(len(taken)))
    assert f"{clip}: ends at 0:0" in error
    assert "of 0:03.0, so it is cut short or damaged" in error


def test_a_damaged_middle_is_said_and_the_rest_given(clips):
    clip = clips.write("clip.avi", 30)
    content = bytearray(clip.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 600):
        content[place] ^= 0x5A
    clip.write_bytes(content)
    taken, error = frames(clip)
    assert 20 < len(taken) < 30
    assert taken[-1].frame >= 28
    assert "damaged" in error


def test_what_is_no_video(clips, tmp_path):
    unknown = clips.write("unknown.avi", 3)
    unknown.write_bytes(unknown.read_bytes().replace(b"FMP4", b"ZZZZ"))
    for name, content in (("empty.mp4", b""), ("text.mkv", b"hello"), ("no-index.mov", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe.ts")
    clips.cut(clips.write("no-index.mov", 10), 0.6)
    for clip, said in {
        clips.sound("sound.mp4"): "no video stream, only audio in it",
        unknown: "in a codec that PyAV does not know",
        tmp_path / "empty.mp4": "the file is empty (0 bytes), expected a video",
        tmp_path / "text.mkv": "cannot be read as a video",
        tmp_path / "cut-no-index.mov": "cannot be read as a video",
        tmp_path / "pipe.ts": "a pipe, socket or device, expected a video file",
        tmp_path / "missing.mp4": "no such file",
    }.items():
        taken, error = frames(clip)
        assert taken == []
        assert str(clip) in error
        assert said in error


@pytest.mark.parametrize("name", ["12:30.mp4", "100%d.mp4", "a?b#c.mp4"])
def test_names_that_mean_something_to_ffmpeg(clips, name):
    taken, error = frames(clips.write(name, 2))
    assert len(taken) == 2
    assert error is None


def test_without_the_package(clips, monkeypatch):
    clip = clips.write("clip.mp4", 1)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'crowdkit-core\[video\]'"):
        frames(clip)


def test_a_counted_frame_can_be_drawn_until_the_next_one(clips):
    model, known, seen = Model(counter=ToyCounter()), WeakSet(), []
    for counted in model.stream(clips.write("clip.mp4", 8)):
        known.add(counted.source.pixels)
        assert len(known) <= 2
        assert clips.number(counted.pixels) == counted.frame
        seen.append(counted)
    assert [counted.time for counted in seen] == pytest.approx(np.arange(8) / 10)
    with pytest.raises(UsageError, match="this frame has passed"):
        seen[0].plot()
    assert "<img" not in seen[0]._repr_html_()


def test_a_broken_end_comes_behind_the_last_frame_of_a_stream(clips):
    clip = clips.cut(clips.write("clip.mkv", 30), 0.6)
    model, counted = Model(counter=ToyCounter()), []
    with pytest.raises(DataError, match="cut short"):
        counted.extend(model.stream(clip, every="500ms"))
    errors = []
    assert len(list(model.stream(clip, every="500ms", on_error=errors.append))) >= 2
    assert len(errors) == 1


@pytest.fixture
def served(tmp_path):
    """The address of the test's folder on a web server."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://guard:secret@127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_clip_on_the_web_is_counted_whole(clips, served):
    clips.write("clip.mp4", 12, options={"movflags": "faststart"})
    taken, error = frames(as_address(f"{served}/clip.mp4"))
    assert error is None
    assert [clips.number(image.pixels) for image in taken] == list(range(12))
    assert "secret" not in taken[0].name


def test_an_address_with_nothing_behind_it(served):
    taken, error = frames(as_address(f"{served}/missing.mp4"))
    assert taken == []
    assert "/missing.mp4: no answer: Server returned 404" in error
    assert "secret" not in error


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_an_address_that_does_not_answer(monkeypatch, scheme):
    monkeypatch.setattr(opened, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        _, error = frames(as_address(f"{scheme}://127.0.0.1:{port}/clip.mp4"))
    assert f"{scheme}://127.0.0.1:{port}/clip.mp4: no answer within 0.3 s" in error
