"""`count` in other sizes and with intervals, `calibrate` on one's own images."""

import csv
import json

import pytest


@pytest.fixture(scope="session")
def many_photos(photos, tmp_path_factory):
    """Each of the twelve photos twice: enough for a calibration."""
    folder = tmp_path_factory.mktemp("many")
    rows = (photos / "annotations.csv").read_text().splitlines()
    (folder / "annotations.csv").write_text(
        "\n".join([*rows, *(f"again-{row}" for row in rows[1:])])
    )
    for file in photos.glob("*.png"):
        (folder / file.name).write_bytes(file.read_bytes())
        (folder / f"again-{file.name}").write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def calibration(crowdkit, weights, many_photos, tmp_path):
    file = tmp_path / "mine.json"
    finished = crowdkit("calibrate", weights, many_photos, "--output", file)
    assert finished.code == 0, finished.err
    assert "mine.json: 24 images" in finished.out
    return file


def test_calibrate_notes_predicted_and_actual_counts(calibration, crowdkit, weights, many_photos):
    known = json.loads(calibration.read_text())
    assert len(known["predicted"]) == 24
    rows = (many_photos / "annotations.csv").read_text().splitlines()[1:]
    assert sum(known["actual"]) == sum(not row.endswith(",,") for row in rows)
    counted = crowdkit("count", many_photos, "--weights", weights, "--json").json
    assert sorted(known["predicted"]) == pytest.approx(sorted(row["count"] for row in counted))


def test_counts_come_with_intervals(calibration, crowdkit, weights, photos, tmp_path):
    counting = ("count", photos / "1.png", "--weights", weights, "--calibration", calibration)
    finished = crowdkit(*counting, "--csv", tmp_path / "counts.csv")
    assert " people (90 %: " in finished.out
    with (tmp_path / "counts.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    (same,) = crowdkit(*counting, "--json").json
    assert float(row["low"]) == pytest.approx(same["low"])
    assert same["low"] <= max(same["count"], 0) <= same["high"]
    assert same["level"] == 0.9
    (half,) = crowdkit(*counting, "--json", "--level", 0.5).json
    assert half["high"] <= same["high"]
    assert half["level"] == 0.5


def test_a_level_that_the_images_cannot_reach_is_said(calibration, crowdkit, weights, photos):
    counting = ("count", photos / "1.png", "--weights", weights, "--calibration", calibration)
    finished = crowdkit(*counting, "--level", 0.99)
    assert finished.code == 0
    assert "no interval: the calibration has 24 images" in finished.err
    assert "%" not in finished.out


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--scale", "2"], "resized from 96 x 64 to 192 x 128 pixels"),
        (["--long-side", "48"], "resized from 96 x 64 to 48 x 32 pixels"),
        ([], ""),
    ],
)
def test_a_user_chooses_the_size(crowdkit, weights, photos, options, shown):
    finished = crowdkit("count", photos / "1.png", "--weights", weights, *options, "--json")
    assert finished.code == 0
    assert shown in finished.err
    assert bool(shown) == bool(finished.err)
    assert (finished.json[0]["width"], finished.json[0]["height"]) == (96, 64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scale", "2", "--long-side", "48"], "--scale and --long-side: give one of them"),
        (["--scale", "0"], "expected a factor above 0"),
        (["--long-side", "0"], "long_side"),
        (["--level", "90"], "level 90, expected a probability between 0 and 1"),
        (["--level", "0.5"], "--level without --calibration"),
    ],
)
def test_wrong_sizes_and_levels(crowdkit, weights, photos, options, message):
    finished = crowdkit("count", photos / "1.png", "--weights", weights, *options)
    assert finished.code == 2
    assert message in finished.err
    assert finished.err.count("\n") <= 2


def test_a_calibration_of_other_sizes_is_refused(calibration, crowdkit, weights, photos):
    counting = ("count", photos / "1.png", "--weights", weights, "--calibration", calibration)
    finished = crowdkit(*counting, "--scale", 2)
    assert finished.code == 2
    assert "another size (own size, not scale 2)" in finished.err


def test_twelve_images_are_too_few(crowdkit, weights, photos, tmp_path):
    finished = crowdkit("calibrate", weights, photos, "--output", tmp_path / "mine.json")
    assert finished.code == 2
    assert "has 12 images, a calibration needs 20" in finished.err
    assert not (tmp_path / "mine.json").exists()


def test_a_dataset_by_name(crowdkit, weights, tmp_path):
    options = ["--set", "dataset.images=20", "--set", "dataset.size=[64, 64]"]
    options += ["--set", "dataset.people=[0, 9]", "--split", "test"]
    finished = crowdkit(
        *("calibrate", weights, "synthetic", *options, "--output", tmp_path / "m.json", "--json")
    )
    assert finished.code == 0, finished.err
    assert finished.json["images"] == 20
    assert finished.json["interval"]["level"] == 0.9
