"""`crowdkit count` on the files that people's folders really hold."""

import csv
import os
import shutil

import pytest
import torch

from crowdkit_core.errors import DataError
from crowdkit_core.inference import count_paths, many
from crowdkit_core.testing.toys import ToyCounter


@pytest.fixture
def odd(photos, tmp_path):
    """A folder with one photograph under a name of one's own."""
    folder = tmp_path / "odd"
    folder.mkdir()

    def named(name):
        shutil.copy(photos / "1.png", os.path.join(os.fsencode(folder), os.fsencode(name)))
        return folder

    return named


def test_pictures_of_two_files_of_one_stem_do_not_replace_each_other(crowdkit, weights, odd):
    odd("1.png")
    folder = odd("1.jpg")
    written = folder / "out"
    asked = ("--pictures", written, "--densities", written)
    assert crowdkit("count", folder, "--weights", weights, *asked).code == 0
    assert {path.name for path in written.iterdir()} == {
        f"1-{kind}.{what}" for kind in ("png", "jpg") for what in ("png", "npy")
    }


def test_a_name_that_is_no_text_is_counted_and_kept_as_it_is(crowdkit, weights, odd):
    folder = odd(b"caf\xe9.png")
    table = folder / "counts.csv"
    finished = crowdkit(
        "count", folder, "--weights", weights, "--csv", table, "--pictures", folder / "out"
    )
    assert finished.code == 0, finished.err
    assert b"caf\xe9.png," in table.read_bytes()
    assert [path.name for path in (folder / "out").iterdir()] == ["caf_.png"]


def test_points_of_a_name_that_is_no_text_are_refused_before_counting(crowdkit, weights, odd):
    folder = odd(b"caf\xe9.png")
    finished = crowdkit("count", folder, "--weights", weights, "--points", folder / "points.csv")
    assert finished.code == 1
    assert "its name is no UTF-8" in finished.err
    assert not finished.out


def test_the_longest_name_gets_its_picture(crowdkit, weights, odd):
    folder = odd("a" * 251 + ".png")
    asked = ("--pictures", folder / "out", "--csv", folder / "counts.csv")
    finished = crowdkit("count", folder, "--weights", weights, *asked)
    assert finished.code == 0, finished.err
    assert len(list((folder / "out").iterdir())) == 1


def test_pictures_that_are_not_read_are_named(crowdkit, weights, odd):
    folder = odd("a.png")
    for name in ("b.nef", "c.NEF", "d.svg", "e.psd", "notes.txt"):
        (folder / name).write_bytes(b"x")
    finished = crowdkit("count", folder, "--weights", weights)
    assert finished.code == 0
    assert "left out: b.nef, c.NEF, d.svg and 1 more" in finished.err


def test_a_pipe_among_the_images_is_named_and_the_others_counted(crowdkit, weights, odd):
    folder = odd("a.png")
    os.mkfifo(folder / "pipe.png")
    finished = crowdkit("count", folder / "pipe.png", folder / "a.png", "--weights", weights)
    assert finished.code == 1
    assert "pipe.png: a pipe" in finished.err
    assert "a.png\t" in finished.out


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")]
)
def test_an_image_too_large_for_memory_is_named_and_the_others_counted(
    crowdkit, weights, odd, monkeypatch, error
):
    odd("a.png")
    folder = odd("b.png")
    images_in = many.images_in

    def scarce(file, reading):
        if file.name == "a.png":
            raise error
        return images_in(file, reading)

    monkeypatch.setattr(many, "images_in", scarce)
    finished = crowdkit("count", folder, "--weights", weights, "--csv", folder / "counts.csv")
    assert finished.code == 1
    assert "a.png: out of memory" in finished.err
    assert "--tile 1024" in finished.err
    assert "Traceback" not in finished.err
    with (folder / "counts.csv").open(newline="") as file:
        assert [os.path.basename(row["file"]) for row in csv.DictReader(file)] == ["b.png"]


def test_an_image_that_the_counter_refuses_is_named(odd, monkeypatch):
    def refuse(counter, image, **options):
        raise DataError("a strip of 400 x 1 pixels")

    monkeypatch.setattr(many, "count", refuse)
    told = []
    file = odd("a.png") / "a.png"
    assert list(count_paths(ToyCounter(), [file], on_error=told.append)) == []
    assert [str(error) for error in told] == [f"{file}: a strip of 400 x 1 pixels"]


def test_an_error_that_is_not_for_lack_of_memory_is_raised(odd, monkeypatch):
    monkeypatch.setattr(many, "images_in", lambda file, reading: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(count_paths(ToyCounter(), [odd("a.png")], on_error=lambda error: None))
