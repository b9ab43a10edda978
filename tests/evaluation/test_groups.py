"""Errors by group and their mean."""

import csv
import json

import pytest

from crowdkit_core.evaluation import evaluate, format_report, write_image_csv, write_report
from crowdkit_core.evaluation.scores import mean_over_groups


@pytest.fixture
def scenes(red_images):
    """Errors 1, 3 and 2 in scene ``b``, -10 in scene ``a``, and 4 in no scene."""

    class Scenes(red_images):
        groups = ("b", "a", "b", "b", "")

        def __getitem__(self, index):
            from dataclasses import replace

            return replace(super().__getitem__(index), group=self.groups[index])

    def image(seen, present):
        return [(x, 1) for x in range(seen)], [(x + 0.5, 1.5) for x in range(present)], None

    return Scenes(image(2, 1), image(0, 10), image(5, 2), image(2, 0), image(4, 0))


def test_each_group_and_the_mean_of_groups_by_hand(red_pixels, scenes):
    report = evaluate(red_pixels(), scenes)
    parts = report.by_group["count"]
    assert [(part.group, part.scores.images, part.scores.people) for part in parts] == [
        ("b", 3, 3),
        ("a", 1, 10),
    ]
    assert [part.scores.mae.value for part in parts] == pytest.approx([2, 10])
    means = report.group_means["count"]
    assert means.groups == 2
    assert means.mae.value == pytest.approx((2 + 10) / 2)
    assert means.rmse.value == pytest.approx(((14 / 3) ** 0.5 + 10) / 2)
    assert report.scores["count"].mae.value == pytest.approx(20 / 5)
    assert report.group_means["double"].groups == 2


def test_intervals_resample_within_groups():
    means = mean_over_groups([1, 3, 10, 10], [0, 0, 0, 0], ["b", "b", "a", "a"])
    assert (means.mae.low, means.mae.value, means.mae.high) == (5.5, 6.0, 6.5)


def test_groups_of_one_size_are_not_resampled_alike():
    errors = [0, 2]
    means = mean_over_groups(errors + errors[::-1], [0] * 4, ["a", "a", "b", "b"])
    assert (means.mae.low, means.mae.high) == (0.0, 2.0)  # alike, both would always be 1


def test_without_groups_there_is_nothing_to_say(red_pixels, three_images):
    report = evaluate(red_pixels(), three_images)
    assert dict(report.by_group) == {}
    assert dict(report.group_means) == {}
    assert "mean of" not in format_report(report)


def test_text_json_and_csv_have_them(red_pixels, scenes, tmp_path):
    report = evaluate(red_pixels(), scenes)
    by_count, by_double = format_report(report).split("\ngroup ")[1:3]
    assert [line.split("  ")[0] for line in by_count.splitlines()[1:4]] == ["b", "a", "mean of 2"]
    assert " 2.00 [" in by_count.splitlines()[1]
    assert " 6.00 [" in by_count.splitlines()[3]
    assert by_double.startswith("(double)")
    write_report(report, tmp_path / "report.json")
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["by_group"]["count"][1]["group"] == "a"
    assert document["group_means"]["count"]["mae"]["value"] == pytest.approx(6.0)
    write_image_csv(report.images, tmp_path / "images.csv")
    with (tmp_path / "images.csv").open(newline="") as file:
        assert [row["group"] for row in csv.DictReader(file)] == ["b", "a", "b", "b", ""]
