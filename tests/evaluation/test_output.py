"""Reports as text, JSON and CSV."""

import csv
import json

import pytest
import torch

from crowdkit_core.evaluation import evaluate, format_report, write_image_csv, write_report
from crowdkit_core.interfaces import LocalizedPoints, Localizer
from crowdkit_core.localization import LocalMaxima


@pytest.fixture
def report(red_pixels, three_images):
    return evaluate(
        red_pixels(),
        three_images,
        localizer=LocalMaxima(),
        radii=(4.0,),
        train=three_images,
        stamp={"validated_on_test": True},
        ranges=(0, 100),
    )


def test_csv_has_one_line_per_image(report, tmp_path):
    write_image_csv(report.images, tmp_path / "images.csv")
    with (tmp_path / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["image-0", "image-1", "image-2"]
    assert [float(row["error"]) for row in rows] == [1, -2, 0]
    assert [float(row["count double"]) for row in rows] == [4, 2, 0]
    assert [int(row["matched within 4 px"]) for row in rows] == [1, 1, 0]
    assert float(rows[0]["game3"]) == pytest.approx(report.images[0].game[3])


@pytest.mark.parametrize(
    ("images", "said"), [(1, "only 1 image:"), (9, "only 9 images:"), (10, "")]
)
def test_few_images_are_said_to_tell_little(red_pixels, red_images, images, said):
    from_few = evaluate(red_pixels(), red_images(*[([(1, 1)], [(1, 1)], None)] * images))
    line = [line for line in format_report(from_few).splitlines() if line.startswith("only ")]
    assert [each.startswith(said) for each in line] == [True] * bool(said)


class Nobody(Localizer):
    def forward(self, prediction, size):
        return [LocalizedPoints(torch.zeros(0, 2), torch.zeros(0))]


def test_another_number_of_points_than_people_counted_is_said(report, red_pixels, three_images):
    assert "points found" not in format_report(report)  # three, as counted
    blind = evaluate(red_pixels(), three_images, localizer=Nobody(), radii=(4.0,))
    assert "0 points found, 3 people counted" in format_report(blind).splitlines()


def test_json_is_strict_and_complete(report, tmp_path):
    def refuse(constant):
        raise AssertionError(constant)

    write_report(report, tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text()
    document = json.loads(text, parse_constant=refuse)
    assert document["scores"]["count"]["mae"]["value"] == pytest.approx(1.0)
    assert document["by_range"]["count"][0]["scores"]["nae"]["value"] is None
    assert document["localization"][0]["radius"] == 4
    assert document["localization"][0]["precision"] == pytest.approx(2 / 3)
    assert document["stamp"] == {"validated_on_test": True}
    assert document["baseline_mae"] == pytest.approx((1 / 3 + 5 / 3 + 4 / 3) / 3)
    assert len(document["images"]) == 3


def test_text_says_it_all(report):
    text = format_report(report)
    assert "RedPixels on RedImages (test): 3 images, 4 people" in text
    assert "validated_on_test: True" in text
    assert "images without people, left out of NAE: 1" in text
    assert "MAE of predicting the training mean: 1.11" in text
    rows = {line.split("  ")[0]: line for line in text.splitlines()}
    assert "1.00 [" in rows["count"]
    assert "1-100" in rows
    assert rows["4 px"].split()[2:] == ["0.667", "0.500", "0.571"]
