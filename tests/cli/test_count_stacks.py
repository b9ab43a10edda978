"""`crowdkit count` on stacks, and on values of more than 8 bits."""

import csv

import numpy as np
import pytest
import tifffile
from PIL import Image


@pytest.fixture
def stack(photos, tmp_path):
    """Two time points of three depths of a grey photograph, in 12 bits."""
    grey = np.asarray(Image.open(photos / "3.png").convert("L")).astype(np.uint16) * 16
    planes = np.stack([grey, grey // 2, grey // 4, grey // 2, grey, grey // 8])
    path = tmp_path / "stack.tif"
    tifffile.imwrite(
        path, planes.reshape(2, 3, *grey.shape), imagej=True, metadata={"axes": "TZYX"}
    )
    return path


def test_each_frame_is_a_line_a_row_and_a_file(crowdkit, weights, stack, tmp_path):
    table, maps = tmp_path / "counts.csv", tmp_path / "maps"
    asked = ("--csv", table, "--densities", maps, "--points", tmp_path / "points.csv")
    finished = crowdkit("count", stack, "--weights", weights, "--frames", "0:6:2", *asked)
    assert finished.code == 0, finished.err
    lines = [line.split("\t")[0] for line in finished.out.splitlines()]
    frames = [f"{stack} frame {number} ({place})" for number, place in PLACES]
    assert lines == [*frames, "3 images"]
    with table.open(newline="") as file:
        rows = [(row["frame"], row["t"], row["z"]) for row in csv.DictReader(file)]
    assert rows == [("0", "0", "0"), ("2", "0", "2"), ("4", "1", "1")]
    names = sorted(path.name for path in maps.iterdir())
    assert names == [f"stack-{number:06d}.npy" for number in (0, 2, 4)]
    with (tmp_path / "points.csv").open(newline="") as file:
        assert {row["image"] for row in csv.DictReader(file)} <= {
            f"stack-{number:06d}.tif" for number in (0, 2, 4)
        }
    assert "become black to white in all images" in finished.err


PLACES = [(0, "t=0 z=0"), (2, "t=0 z=2"), (4, "t=1 z=1")]


def test_a_projection_is_said_and_its_picture_is_of_it(crowdkit, weights, stack, tmp_path):
    asked = ("--project", "max", "--pictures", tmp_path / "out", "--range", 0, 4080, "--json")
    finished = crowdkit("count", stack, "--weights", weights, *asked)
    assert finished.code == 0, finished.err
    assert "each image is the max over z of its planes" in finished.err
    assert "become black" not in finished.err  # as asked for
    first, second = finished.json
    assert (first["frame"], first["t"], first["z"]) == (0, 0, None)
    assert first["count"] == pytest.approx(second["count"])  # the brightest planes are the same
    assert (tmp_path / "out" / "stack-000001.png").exists()


def test_a_hot_pixel_hardly_changes_a_count(crowdkit, weights, stack, tmp_path):
    plane = np.tile(tifffile.imread(stack)[0, 0], (2, 2))
    hot = plane.copy()
    hot[10, 10] = 65535
    counts = []
    for name, values in (("plain.tif", plane), ("hot.tif", hot)):
        tifffile.imwrite(tmp_path / name, values)
        finished = crowdkit("count", tmp_path / name, "--weights", weights, "--json")
        counts.append(finished.json[0]["count"])
    assert counts[1] == pytest.approx(counts[0], rel=0.02)


@pytest.mark.parametrize(
    ("asked", "code", "cause"),
    [
        (
            ("--range", "9", "9"),
            2,
            "range 9 to 9: expected two finite numbers, the lower one first",
        ),
        (("--range", "some"), 2, "--range 'some': expected two numbers"),
        (("--frames", "x"), 2, "frames 'x': expected a number from 0"),
        (("--project", "min"), 2, "projection 'min': expected max or mean"),
        (("--frames", "6"), 1, "stack.tif: has no frame 6; it has 6 frames, 0 to 5"),
        (("--channel", "1"), 1, "stack.tif: has no channel 1"),
    ],
)
def test_what_cannot_be_is_one_line(crowdkit, weights, stack, asked, code, cause):
    finished = crowdkit("count", stack, "--weights", weights, *asked)
    assert finished.code == code
    assert cause in finished.err
    assert "Traceback" not in finished.err
