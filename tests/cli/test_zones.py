"""`crowdkit count` with zones and a ground: what is printed and written."""

import csv
import json

import numpy as np
import pytest

ZONES = {
    "left": [[0, 0], [40, 0], [40, 64], [0, 64]],
    "right": [[40, 0], [96, 0], [96, 64], [40, 64]],
    "exclude": [[80, 48], [96, 48], [96, 64], [80, 64]],
}
GROUND = {
    "points": [
        {"image": [0, 0], "ground": [0, 0]},
        {"image": [96, 0], "ground": [9.6, 0]},
        {"image": [96, 64], "ground": [9.6, 6.4]},
        {"image": [0, 64], "ground": [0, 6.4]},
    ]
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "zones.json").write_text(json.dumps(ZONES))
    (tmp_path / "ground.json").write_text(json.dumps(GROUND))
    return tmp_path


def test_zones_are_lines_rows_and_objects(crowdkit, weights, photos, files):
    counting = ("count", photos / "1.png", photos / "2.png", "--weights", weights)
    asked = ("--zones", files / "zones.json", "--ground", files / "ground.json")
    tables = ("--csv", files / "counts.csv", "--zones-csv", files / "zones.csv")
    finished = crowdkit(*counting, *asked, *tables, "--ground-densities", files / "maps")
    assert finished.code == 0, finished.err
    lines = finished.out.splitlines()
    assert [line.split("\t")[0] for line in lines[1:4]] == ["  left", "  right", "  elsewhere"]
    assert "\t25.6 m²\t" in lines[1]
    assert "walkway" in lines[1]
    with (files / "zones.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (files / "counts.csv").open(newline="") as file:
        counts = list(csv.DictReader(file))
    assert [row["zone"] for row in rows] == ["left", "right", "elsewhere"] * 2
    for image in counts:
        own = [float(row["count"]) for row in rows if row["file"] == image["file"]]
        assert sum(own) == pytest.approx(float(image["count"]), abs=1e-4)
    plain = crowdkit(*counting, "--json").json
    nested = crowdkit(*counting, *asked, "--json").json
    assert {*nested[0]} - {*plain[0]} == {"zones", "square_metres", "per_square_metre"}
    assert [*counts[0]] == [*plain[0]]  # the table of images keeps its columns
    left = nested[0]["zones"][0]
    assert left["square_metres"] == pytest.approx(25.6)
    assert left["count"] == pytest.approx(float(rows[0]["count"]))
    assert left["per_square_metre"] == pytest.approx(left["count"] / 25.6)
    assert np.load(files / "maps" / "1.npy").shape[1] >= 12


def test_an_area_without_zones_is_a_line(crowdkit, weights, photos, files):
    counting = ("count", photos / "1.png", "--weights", weights)
    finished = crowdkit(*counting, "--ground", files / "ground.json")
    assert finished.out.splitlines()[1].startswith("  ground\t61.4 m²\t")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--zones-csv", "z.csv"), 2, "--zones-csv without --zones"),
        (("--ground-densities", "maps"), 2, "--ground-densities without --ground"),
        (("--zones", "zones.json", "--zones-csv", "z.txt"), 2, "written as .csv or .json"),
        (("--zones", "nowhere.json"), 1, "no such file"),
        (("--zones", "ground.json"), 1, "zone 'points' is not a polygon"),
        (("--ground", "zones.json"), 1, "no list of points"),
    ],
)
def test_bad_requests_are_one_line(
    crowdkit, weights, photos, files, monkeypatch, options, code, said
):
    monkeypatch.chdir(files)
    finished = crowdkit("count", photos / "1.png", "--weights", weights, *options)
    assert finished.code == code
    assert said in finished.err.splitlines()[0]
    assert "Traceback" not in finished.err
