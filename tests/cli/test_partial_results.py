"""A count that was stopped goes on where it was, and ends as one that was left alone."""

import os
import shutil
from dataclasses import replace

import pytest

from crowdkit_core.cli.count_outputs import CountOutputs
from crowdkit_core.folder_lock import locked
from crowdkit_core.inference import many
from crowdkit_core.inference.images import load_image


@pytest.fixture
def folder(photos, tmp_path):
    """Six photographs of one's own."""
    (tmp_path / "six").mkdir()
    for number in range(6):
        shutil.copy(photos / f"{number}.png", tmp_path / "six")
    return tmp_path / "six"


@pytest.fixture
def count(crowdkit, folder, weights, tmp_path):
    """Count them into a table, with more options."""

    def run(*options, table="counts.csv"):
        return crowdkit("count", folder, "--weights", weights, "--csv", tmp_path / table, *options)

    return run


@pytest.fixture
def stop_after(monkeypatch):
    """Have Ctrl-C pressed before the image after so many is added; None takes it back."""
    add = CountOutputs.add

    def stop(images):
        added = []

        def add_or_stop(self, counted, stem):
            if len(added) == images:
                raise KeyboardInterrupt
            added.append(counted)
            add(self, counted, stem)

        monkeypatch.setattr(CountOutputs, "add", add_or_stop)

    return stop


def counted(finished):
    """Names of the files whose lines are printed."""
    lines = [line for line in finished.out.splitlines() if " images" not in line]
    return [os.path.basename(line.split("\t")[0].split(" ")[0]) for line in lines]


def test_what_is_missing_is_counted_and_the_table_is_whole(count, stop_after, tmp_path):
    more = ("--points", tmp_path / "points.csv")
    assert count("--points", tmp_path / "whole-points.csv", table="whole.csv").code == 0
    stop_after(2)
    stopped = count(*more)
    assert stopped.code == 130
    assert "the same command goes on with the others" in stopped.err
    with next((tmp_path / "counts.csv.partial").glob("*.jsonl")).open("a") as file:
        file.write('{"file": "5.p')  # as a kill leaves it
    stop_after(3)
    again = count(*more)
    assert "2 of 6 files are counted already" in again.err
    stop_after(6)
    last = count(*more)
    assert last.code == 0, last.err
    assert [counted(each) for each in (stopped, again, last)] == [
        ["0.png", "1.png"],
        ["2.png", "3.png", "4.png"],
        ["5.png"],
    ]
    for name in ("counts.csv", "points.csv"):
        whole = name.replace("counts", "whole").replace("points", "whole-points")
        assert (tmp_path / name).read_bytes() == (tmp_path / whole).read_bytes()
    assert not (tmp_path / "counts.csv.partial").exists()


def test_all_counted_but_not_written_is_written(count, monkeypatch, tmp_path):
    def fail(_):
        raise OSError("disk full")

    with monkeypatch.context() as context:
        context.setattr(CountOutputs, "finish", fail)
        assert count().code == 1
    finished = count()
    assert counted(finished) == []
    assert finished.out.startswith("6 images\t")
    assert len((tmp_path / "counts.csv").read_text().splitlines()) == 7


@pytest.mark.parametrize("option", ["--scale", "--roi", "--localizer"])
def test_other_settings_start_anew(count, stop_after, tmp_path, option):
    (tmp_path / "roi.json").write_text("[[0, 0], [64, 0], [64, 64]]")
    value = {"--scale": 0.5, "--roi": tmp_path / "roi.json", "--localizer": "local-maxima"}[option]
    stop_after(2)
    count()
    stop_after(6)
    finished = count(option, value)
    assert f"of a count with other settings ({option})" in finished.err
    assert len(counted(finished)) == 6


def test_a_region_that_was_drawn_anew_is_another_setting(count, stop_after, tmp_path):
    region = tmp_path / "roi.json"
    region.write_text("[[0, 0], [64, 0], [64, 64]]")
    stop_after(2)
    count("--roi", region)
    region.write_text("[[0, 0], [64, 0], [64, 63]]")
    stop_after(6)
    assert "other settings (--roi)" in count("--roi", region).err


def test_files_that_changed_or_came_are_counted(count, stop_after, folder, photos):
    stop_after(3)
    count()
    shutil.copyfile(photos / "9.png", folder / "1.png")
    shutil.copy(photos / "10.png", folder)
    (folder / "2.png").unlink()
    stop_after(9)
    finished = count()
    assert counted(finished) == ["1.png", "3.png", "4.png", "5.png", "10.png"]
    assert "6 images" in finished.out


def test_a_file_of_many_images_is_counted_when_all_of_them_are(
    count, stop_after, monkeypatch, tmp_path
):
    def two_frames(file, reading):
        for frame in range(2):
            yield replace(load_image(file), frame=frame)

    monkeypatch.setattr(many, "images_in", two_frames)
    count(table="whole.csv")
    stop_after(3)  # in the middle of the second file
    count()
    stop_after(12)
    finished = count()
    assert counted(finished) == [f"{number}.png" for number in range(1, 6) for _ in range(2)]
    assert (tmp_path / "counts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_file_that_cannot_be_read_is_tried_again(count, stop_after, folder, tmp_path):
    whole = (folder / "0.png").read_bytes()
    (folder / "0.png").write_bytes(b"")
    stop_after(1)
    assert count().code == 130
    (folder / "0.png").write_bytes(whole)
    stop_after(6)
    finished = count()
    assert finished.code == 0
    assert counted(finished) == ["0.png", "2.png", "3.png", "4.png", "5.png"]


def test_a_table_of_another_kind_is_refused_before_counting(count):
    refused = count(table="counts.txt")
    assert (refused.code, refused.out) == (2, "")
    assert "tables are written as .csv or .json" in refused.err


def test_two_counts_of_one_table_are_refused(count, tmp_path):
    with locked(tmp_path / "counts.csv.partial"):
        refused = count()
    assert refused.code == 2
    assert "in use, by process" in refused.err
    assert "write another table" in refused.err
    assert refused.out == ""
