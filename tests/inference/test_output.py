"""Tables and maps come back as they were written."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.inference import (
    Counted,
    CountRow,
    marked_image,
    save_density,
    write_counts,
    write_points,
)
from crowdkit_core.inference.interval import Interval
from crowdkit_core.interfaces import LocalizedPoints

COUNTED = Counted(
    name='odd, "name".jpg',
    size=(20, 30),
    count=2.5,
    whole_count=7.25,
    density=torch.tensor([[1.0, 0.5], [0.25, 0.75]]),
    stride=16,
    points=LocalizedPoints(torch.tensor([[3.5, 4.5], [29.5, 0.5]]), torch.tensor([0.75, 0.5])),
)
BARE = Counted(name="b.jpg", size=(4, 5), count=0.0, whole_count=0.0)


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_counts(tmp_path):
    rows = [CountRow.of(COUNTED), CountRow.of(BARE)]
    write_counts(tmp_path / "counts.csv", rows)
    write_counts(tmp_path / "counts.json", iter(rows))
    first, second = read_csv(tmp_path / "counts.csv")
    assert first == {
        "file": 'odd, "name".jpg',
        "count": "2.5",
        "whole_count": "7.25",
        "width": "30",
        "height": "20",
        "approximate": "False",
        "low": "",
        "high": "",
        "level": "",
        "points_found": "2",
        "frame": "",
        "time": "",
        "smoothed": "",
        "t": "",
        "z": "",
        "channel": "",
    }
    assert (second["file"], second["points_found"]) == ("b.jpg", "")
    from_json = json.loads((tmp_path / "counts.json").read_text())
    assert [CountRow(**row) for row in from_json] == rows


def found(number, count, **more):
    """That many points beside a count which is the sum of its map, if it has one."""
    points = LocalizedPoints(torch.ones(number, 2), torch.ones(number))
    return replace(BARE, count=count, points=points, **more)


MAP = {"density": torch.full((2, 2), 879 / 4), "stride": 2}
INTERVAL = Interval(low=800.0, high=950.0, level=0.9)


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        (found(550, 879.0, **MAP), "879 people by the map, 550 points found"),
        (
            found(1, 879.0, **MAP, interval=INTERVAL),
            "879 people by the map (90 %: 800 to 950), 1 point found",
        ),
        (found(879, 620.0, **MAP), "620 people by the counter, 879 points found"),
        (found(5, 0.0), "0 people by the counter, 5 points found"),
        (found(3, 2.4, things="cells"), "2 cells by the counter, 3 points found"),
        (found(850, 879.0, **MAP), "879 people"),
        (found(3, 2.5), "2 people"),
        (replace(BARE, count=879.0, **MAP), "879 people"),
    ],
)
def test_a_count_and_another_number_of_points_are_both_said(counted, said):
    assert str(counted) == said


def test_points(tmp_path):
    nobody = replace(BARE, points=LocalizedPoints(torch.zeros(0, 2), torch.zeros(0)))
    write_points(tmp_path / "points.csv", [marked_image(COUNTED), marked_image(nobody)])
    first, second, third = read_csv(tmp_path / "points.csv")
    assert first == {"image": COUNTED.name, "x": "3.5", "y": "4.5", "score": "0.75"}
    assert second == {"image": COUNTED.name, "x": "29.5", "y": "0.5", "score": "0.5"}
    assert third == {"image": "b.jpg", "x": "", "y": "", "score": ""}


def test_points_name_images_below_their_common_folder(tmp_path):
    found = [
        marked_image(replace(COUNTED, name=str(tmp_path / "photos" / name)))
        for name in ("night/1.jpg", "day/1.jpg")
    ]
    write_points(tmp_path / "points.json", found)
    written = json.loads((tmp_path / "points.json").read_text())
    assert [row["image"] for row in written] == ["night/1.jpg"] * 2 + ["day/1.jpg"] * 2


def test_points_need_a_localizer():
    with pytest.raises(IncompatibleError, match=r"b\.jpg: counted without a localizer"):
        marked_image(BARE)


def test_density(tmp_path):
    save_density(tmp_path / "map.npy", COUNTED)
    density = np.load(tmp_path / "map.npy")
    assert density.dtype == np.float32
    assert density.sum() == COUNTED.count
    assert density.tolist() == [[1.0, 0.5], [0.25, 0.75]]
    with pytest.raises(IncompatibleError, match=r"b\.jpg"):
        save_density(tmp_path / "bare.npy", BARE)


def test_suffixes(tmp_path):
    with pytest.raises(UsageError, match=r"counts\.txt"):
        write_counts(tmp_path / "counts.txt", [])
    with pytest.raises(UsageError, match=r"map\.png"):
        save_density(tmp_path / "map.png", COUNTED)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_halfway_keeps_the_old_table(tmp_path):
    path = tmp_path / "counts.csv"
    write_counts(path, [CountRow.of(BARE)])
    before = path.read_bytes()

    def rows():
        yield CountRow.of(COUNTED)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_counts(path, rows())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
