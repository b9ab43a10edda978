"""`crowdkit count` on clips: what is printed and written, and what a stop or a bad clip leaves."""

import csv
import os
import signal
import sys

import numpy as np
import pytest
from PIL import Image

from crowdkit_core.cli.clip_outputs import ClipOutputs
from crowdkit_core.inference import model


@pytest.fixture
def count(crowdkit, weights):
    """Run `crowdkit count ARGUMENTS` with an untrained counter."""
    return lambda *arguments: crowdkit("count", *arguments, "--weights", weights)


@pytest.fixture
def clip(clips):
    return clips.write("clip.mp4", 12)


@pytest.fixture
def photo(clips, tmp_path):
    Image.fromarray(clips.grey(3)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def rows_of(table):
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_a_plot_and_a_video(count, clips, clip, tmp_path):
    table, plot, video = (tmp_path / "out" / name for name in ("t.csv", "t.png", "t.mp4"))
    asked = ("--csv", table, "--plot", plot, "--video", video)
    finished = count(clip, "--every", "500ms", *asked)
    assert finished.code == 0, finished.err
    rows = rows_of(table)
    assert [(row["file"], row["frame"], row["time"]) for row in rows] == [
        (str(clip), "0", "0.0"),
        (str(clip), "5", "0.5"),
        (str(clip), "10", "1.0"),
    ]
    counts = [float(row["count"]) for row in rows]
    assert [float(row["smoothed"]) for row in rows] == [
        pytest.approx(np.median(counts[:3])) for _ in rows
    ]
    *lines, last = finished.out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [
        f"{clip} {time}" for time in ("0:00.0", "0:00.5", "0:01.0")
    ]
    at = ("0:00.0", "0:00.5", "0:01.0")[int(np.argmax(counts))]
    assert last == (
        f"{clip}\t3 frames: mean {np.mean(counts):.1f}, median {np.median(counts):.1f}, "
        f"maximum {max(counts):.1f} at {at}"
    )
    shown = clips.shown(video)
    assert [time for time, _ in shown] == pytest.approx([0.0, 0.5, 1.0])
    assert all(side % 2 == 0 for side in shown[0][1].shape[:2])
    with Image.open(plot) as drawn:
        assert drawn.size[0] > 500
    assert finished.err.count("\n") == 0  # no bar where nobody looks, no note for each frame


def test_files_of_frames_have_names_of_their_own(count, clips, clip, photo, tmp_path):
    (tmp_path / "more").mkdir()
    other = clips.write("more/clip.mp4", 1)
    out = tmp_path / "out"
    asked = ("--pictures", out, "--densities", out, "--points", out / "points.csv")
    assert count(clip, other, photo, "--every", "1s", *asked).code == 0
    stems = {"clip-000000", "clip-000010", "more-clip-000000", "photo"}
    parent = tmp_path.name
    named = {path.name.replace(f"{parent}-", "") for path in out.iterdir()}
    assert named == {f"{stem}.{suffix}" for stem in stems for suffix in ("png", "npy")} | {
        "points.csv"
    }
    images = {row["image"] for row in rows_of(out / "points.csv")}
    assert images == {
        *("clip-000000.mp4", "clip-000010.mp4", "more/clip-000000.mp4"),
        os.path.relpath(photo, tmp_path),
    }


def test_json_has_a_row_for_each_frame(count, clip, photo):
    rows = count(clip, photo, "--every", "6f", "--json").json
    assert [(row["frame"], row["time"]) for row in rows] == [(0, 0.0), (6, 0.6), (None, None)]
    assert rows[2]["smoothed"] is None
    unsmoothed = count(clip, "--every", "6f", "--smooth", "0", "--json").json
    assert [row["smoothed"] for row in unsmoothed] == [None, None]


def test_a_broken_end_is_one_line_and_what_was_counted_is_written(count, clips, tmp_path):
    clip = clips.cut(clips.write("clip.mkv", 30), 0.6)
    table, video = tmp_path / "t.csv", tmp_path / "t.mp4"
    finished = count(clip, "--every", "500ms", "--csv", table, "--video", video)
    assert finished.code == 1
    assert len(finished.err.splitlines()) == 1
    assert f"{clip}: ends at" in finished.err
    assert len(rows_of(table)) == len(clips.shown(video)) >= 2


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
@pytest.mark.parametrize("moment", ["counting", "writing"])
def test_a_stop_loses_nothing(count, clips, clip, tmp_path, monkeypatch, number, code, moment):
    place, name, kept = {
        "counting": (model, "count", 2),  # the third is not counted to its end
        "writing": (ClipOutputs, "add", 3),  # the third is written whole
    }[moment]
    calls, real = [], getattr(place, name)

    def stopped(*arguments, **options):
        calls.append(None)
        if len(calls) == 3:
            signal.raise_signal(number)
        return real(*arguments, **options)

    monkeypatch.setattr(place, name, stopped)
    table, plot, video = tmp_path / "t.csv", tmp_path / "t.png", tmp_path / "t.mp4"
    before = signal.getsignal(number)
    finished = count(clip, "--csv", table, "--plot", plot, "--video", video)
    assert finished.code == code
    assert finished.err == f"crowdkit: stopped; {kept} counted, which are kept\n"
    assert len(rows_of(table)) == len(clips.shown(video)) == kept
    assert plot.exists()
    assert signal.getsignal(number) is before
    assert {path.suffix for path in tmp_path.iterdir()} == {".mp4", ".csv", ".png"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{clip}", "--every", "0"], 2, "--every '0': expected a time greater than 0"),
        (["{clip}", "--every", "often"], 2, "--every 'often'"),
        (["{clip}", "--smooth", "-3s"], 2, "--smooth '-3s'"),
        (["{photo}", "--every", "1s"], 2, "--every is for clips and cameras"),
        (["{photo}", "--video", "a.mp4"], 2, "--video is for clips and cameras"),
        (["{photo}", "--plot", "a.png"], 2, "--plot is for clips and cameras"),
        (["{clip}", "{photo}", "--video", "a.mp4"], 2, "--video shows one clip"),
        (["{clip}", "--video", "a.gif"], 2, "--video a.gif"),
        (["{clip}", "--plot", "a.pdf"], 2, "--plot a.pdf"),
        (["{clip}", "--csv", "a.txt"], 2, "a.txt: tables are written as .csv or .json"),
        (["{clip}", "--annotations", "a.csv"], 2, "frames of a clip are none"),
        (["camera:97"], 1, "camera:97: no such camera"),
        (["http://guard:secret@127.0.0.1:1/a.mp4"], 1, "http://127.0.0.1:1/a.mp4: no answer"),
        (["{sound}", "{clip}"], 1, "sound.mp4: no video stream"),
    ],
)
def test_bad_input_is_one_line(count, clips, clip, photo, arguments, code, said):
    places = {"clip": clip, "photo": photo, "sound": clips.sound("sound.mp4")}
    finished = count(*(argument.format(**places) for argument in arguments))
    assert finished.code == code
    first = finished.err.splitlines()[0]
    assert first.startswith("crowdkit: ")
    assert said in first
    assert "Traceback" not in finished.err
    assert "secret" not in finished.err
    assert (f"{clip} 0:01.1" in finished.out) == ("{sound}" in arguments)


def test_without_the_package_nothing_is_begun(count, clip, photo, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    finished = count(photo, clip)
    assert finished.code == 1
    assert "videos and cameras need the package av" in finished.err
    assert "pip install 'crowdkit-core[video]'" in finished.err
    assert not finished.out


def test_videos_in_a_folder_are_named_and_left_out(count, clip, photo, tmp_path):
    finished = count(tmp_path)
    assert finished.code == 0
    assert finished.out.startswith(f"{photo}\t")
    assert "left out: clip.mp4; name the videos that are to be counted" in finished.err
