"""Points out of `count`, through annotation files, back into `data` and `score`."""

import csv
import json

import pytest

from crowdkit_core.data.annotations import FORMATS, read_annotations


@pytest.fixture
def count(crowdkit, photos, weights):
    """`crowdkit count` of all photos, with a localizer that finds many points."""
    localizer = ["--set", "localizer.threshold=0.5"]

    def run(*options):
        return crowdkit("count", photos, "--weights", weights, *localizer, *options)

    return run


def folder(photos, annotations):
    options = [f"dataset.root={photos}", f"dataset.annotations={annotations}"]
    return ["--dataset", "folder", "--split", "all", *(f"--set={each}" for each in options)]


def test_found_points_come_back_through_every_format(crowdkit, count, photos, tmp_path):
    points = tmp_path / "points.csv"
    assert count("--points", points).code == 0
    with points.open() as file:
        rows = [row for row in csv.DictReader(file) if row["x"]]
    assert rows
    assert set(rows[0]) == {"image", "x", "y", "score"}
    written = {name: each for name, each in FORMATS.items() if each.write is not None}
    for format, each in written.items():
        suffix = "" if each.per_image else each.suffix
        target = tmp_path / f"{format}-out{suffix}"
        done = crowdkit(
            *("data", "convert", points, target, "--to", format, "--images", photos, "--json")
        )
        assert done.code == 0, done.err
        assert done.json["points"] == len(rows)
        checked = crowdkit("data", "check", photos, "--annotations", target, "--json")
        assert checked.code == 0, checked.out
        assert checked.json["people"] == len(rows)


def test_count_writes_annotations_that_a_dataset_reads(crowdkit, count, photos, tmp_path):
    target = tmp_path / "annotations.xml"
    finished = count("--annotations", target, "--points", tmp_path / "points.json", "--json")
    assert finished.code == 0, finished.err
    found = sum(len(image.marks) for image in read_annotations(target))
    assert found == sum(
        row["x"] is not None for row in json.loads((tmp_path / "points.json").read_text())
    )
    checked = crowdkit(
        "data", "check", "--dataset", "folder", *folder(photos, target)[4:], "--json"
    )
    assert checked.json["people"] == found
    assert checked.json["images"] == 12
    scored = crowdkit("score", target, *folder(photos, target), "--json")
    assert scored.json["scores"]["count"]["mae"]["value"] == 0
    assert [each["f1"] for each in scored.json["localization"]] == [1, 1]
    again = count("--annotations", target)
    assert again.code == 2
    assert "is there already" in again.err


def test_points_of_another_tool_are_scored(crowdkit, photos, tmp_path):
    truth = folder(photos, photos / "annotations.csv")
    perfect = crowdkit(
        "score", photos / "annotations.csv", *truth, "--radii", "0.5",
        "--csv", tmp_path / "images.csv",
    )  # fmt: skip
    assert perfect.code == 0, perfect.err
    assert "annotations.csv on folder (all): 12 images" in perfect.out
    assert "0.5 px          1.000      1.000   1.000" in perfect.out
    with (tmp_path / "images.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12
    few = tmp_path / "few.csv"
    few.write_text("image,x,y,score\n0,1,1,0.5\n")
    refused = crowdkit("score", few, *truth)
    assert refused.code == 1
    assert "--missing-as-empty" in refused.err
    ranked = crowdkit("score", few, *truth, "--missing-as-empty", "--metrics", "ap")
    assert ranked.code == 0, ranked.err
    assert "mAP" in ranked.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "counter.width=3"], "this command sets options of dataset"),
        (["--set", "dataset.split=all"], "choose it by --split"),
        (["--split", "tets"], "expected one of train, validation, test, all"),
        (["--metrics", "ssim"], "'ssim' compares density maps, and points have none"),
        (["--metrics", "pa"], "no metric named 'pa'"),
        (["--metrics", "ap"], "needs a score for every point"),
        (["--radii", "4,x"], "expected numbers of pixels"),
        (["--radii", "0"], "expected positive numbers"),
        (["--format", "coko"], "did you mean 'coco'"),
        (["--columns", "name=filename"], "columns: image, x, y, split, points, score"),
        (["--columns", "image"], "expected such as image=filename"),
        (["--format", "coco", "--columns", "x=col"], "coco has no columns"),
    ],
)
def test_a_wrong_request_is_refused(crowdkit, photos, options, message):
    table = photos / "annotations.csv"
    finished = crowdkit("score", table, *folder(photos, table), *options)
    assert finished.code == 2
    assert message in finished.err


def test_columns_can_be_named(crowdkit, photos, tmp_path):
    truth = folder(photos, photos / "annotations.csv")
    table = tmp_path / "found.csv"
    table.write_text("filename,x,y,confidence\n0,1,1,0.5\n")

    def score(*options):
        return crowdkit("score", table, *truth, "--missing-as-empty", *options)

    refused = score()
    assert refused.code == 1
    assert "no column 'image', found 'filename', 'x', 'y', 'confidence'" in refused.err
    assert "--columns image=NAME" in refused.err
    unscored = score("--metrics", "ap", "--columns", "image=filename")
    assert unscored.code == 2
    assert "needs a score for every point, and 1 of 1 have none" in unscored.err
    assert "--columns score=NAME" in unscored.err
    ranked = score("--metrics", "ap", "--columns", "image=filename,score=confidence")
    assert ranked.code == 0, ranked.err
    assert "mAP" in ranked.out


def test_nobody_found_has_no_precision(crowdkit, photos, tmp_path):
    table = tmp_path / "found.csv"
    table.write_text("image,x,y,score\n")
    options = ["--missing-as-empty", "--metrics", "ap", "--json"]
    truth = folder(photos, photos / "annotations.csv")
    finished = crowdkit("score", table, *truth, *options)
    assert finished.code == 0, finished.err
    scores = finished.json["point_scores"]["ap"]
    assert list(scores) == ["40 px", "20 px", "5 px"]
    assert [(each["mAP"], each["mAR"]) for each in scores.values()] == [(0, 0)] * 3


def test_a_coordinate_far_outside_is_refused(crowdkit, photos, tmp_path):
    table = tmp_path / "found.csv"
    table.write_text("image,x,y\n0,1e300,1\n")
    truth = folder(photos, photos / "annotations.csv")
    finished = crowdkit("score", table, *truth, "--missing-as-empty")
    assert finished.code == 1
    assert "1e+300" in finished.err


def test_points_need_a_dataset(crowdkit, photos):
    finished = crowdkit("score", photos / "annotations.csv")
    assert finished.code == 2
    assert "--dataset" in finished.err


def test_convert_says_what_it_did_not_carry(crowdkit, photos, tmp_path):
    (tmp_path / "in.csv").write_text("image,x,y,label,score\na.jpg,1.5,2,head,0.5\n")
    done = crowdkit(
        "data", "convert", tmp_path / "in.csv", tmp_path / "out.txt", "--to", "nwpu-text"
    )
    assert done.code == 0, done.err
    first, *lost = done.out.splitlines()
    assert first.startswith("1 points of 1 images")
    assert lost == [
        "not carried: fractions of a pixel (1)",
        "not carried: labels (1)",
        "not carried: scores (1)",
    ]


def test_help_names_every_format(crowdkit):
    written = {name for name, each in FORMATS.items() if each.write is not None}
    for command, names in (
        (("data", "convert"), FORMATS),
        (("count",), written),
        (("score",), FORMATS),
    ):
        text = "".join(crowdkit(*command, "--help").out.split())  # a line may end in a name
        assert all(name in text for name in names)


def test_data_check_of_a_dataset_without_files(crowdkit):
    finished = crowdkit(
        "data", "check", "--dataset", "synthetic", "--set", "dataset.images=3",
        "--set", "dataset.size=[64, 96]", "--set", "dataset.people=[0, 20]",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    assert "9 images" in finished.out  # three of each split
