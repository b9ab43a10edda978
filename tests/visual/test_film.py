"""Videos of counted frames: whole or not there, each picture at its time."""

import numpy as np
import pytest
import torch

from crowdkit_core.errors import UsageError
from crowdkit_core.visual import film
from crowdkit_core.visual.film import Film
from crowdkit_core.visual.painting import Painter
from crowdkit_core.visual.timeline import Course, timeline

TIMES = (0.0, 0.5, 0.6, 3.0)


@pytest.mark.parametrize("encoders", [film.ENCODERS, film.ENCODERS[-1:]], ids=["best", "last"])
@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "12:30.mp4"])
def test_pictures_are_shown_at_their_times(clips, tmp_path, monkeypatch, encoders, name):
    monkeypatch.setattr(film, "ENCODERS", encoders)
    with Film(tmp_path / name) as written:
        for number, time in enumerate(TIMES):
            written.add(clips.grey(4 * number), time)
    shown = clips.shown(tmp_path / name)
    assert [time for time, _ in shown] == pytest.approx(TIMES)
    assert [clips.number(picture) for _, picture in shown] == pytest.approx([0, 4, 8, 12], abs=1)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_nothing_half_written_stays(clips, tmp_path, stop):
    (tmp_path / "film.mp4").write_bytes(b"older")

    def break_off():
        with Film(tmp_path / "film.mp4") as written:
            written.add(clips.grey(0), 0.0)
            raise stop

    with pytest.raises(stop):
        break_off()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]


def test_without_a_picture_there_is_no_file(tmp_path):
    with Film(tmp_path / "film.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_another_ending(tmp_path):
    with pytest.raises(UsageError, match=r"film\.gif: videos are written as"):
        Film(tmp_path / "film.gif")


def test_frames_of_odd_sides_are_painted_on_even_ones_and_colours_stay():
    painter, image = Painter(), torch.full((3, 45, 81), 128, dtype=torch.uint8)
    dense, sparse = torch.zeros(6, 11), torch.zeros(6, 11)
    dense[3, 8], sparse[3, 8] = 4.0, 0.1
    painted = {
        name: painter.paint(image, caption="", density=density, stride=8)
        for name, density in (("dense", dense), ("sparse", sparse), ("none", None))
    }
    assert {picture.shape for picture in painted.values()} == {(444, 800, 3)}
    there = (slice(250, 270), slice(660, 690))
    hot, cool = (np.ptp(painted[name][there].mean(axis=(0, 1))) for name in ("dense", "sparse"))
    assert hot > 3 * cool


def test_a_panel_for_each_clip_with_counts_and_medians():
    courses = [
        Course(title="a.mp4", times=[0.0, 1.0], counts=[3.0, 5.0], smoothed=[4.0, 4.0]),
        Course(title="b.mp4", times=[0.0], counts=[1.0], intervals=[(0.0, 2.0)]),
    ]
    first, second = timeline(courses).axes
    assert [line.get_ydata().tolist() for line in first.lines] == [[3.0, 5.0], [4.0, 4.0]]
    assert len(second.collections) == 1
    assert (first.get_title(loc="left"), second.get_title(loc="left")) == ("a.mp4", "b.mp4")
