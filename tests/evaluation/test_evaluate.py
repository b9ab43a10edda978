"""Evaluation of a counter on a dataset."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crowdkit_core.density import Fixed
from crowdkit_core.errors import CrowdkitError, IncompatibleError, UsageError
from crowdkit_core.evaluation import (
    annotated_counts,
    constant_baseline,
    evaluate,
    format_report,
    report_dict,
    validate,
)
from crowdkit_core.interfaces import Prediction, points_inside
from crowdkit_core.localization import LocalMaxima
from crowdkit_core.metrics import region_counts
from crowdkit_core.registry.lookup import installed
from crowdkit_core.testing.toys import ToyCounter, ToyDataset


def test_errors_by_hand(red_pixels, three_images):
    report = evaluate(red_pixels(), three_images)
    scores = report.scores["count"]
    assert (scores.images, scores.people, scores.images_without_people) == (3, 4, 1)
    assert scores.mae.value == pytest.approx((1 + 2 + 0) / 3)
    assert scores.rmse.value == pytest.approx(((1 + 4) / 3) ** 0.5)
    assert scores.nae.value == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert report.scores["double"].mae.value == pytest.approx((3 + 1 + 0) / 3)
    assert report.scores["double"].game == ()
    assert [(each.name, each.actual, each.predicted) for each in report.images] == [
        ("image-0", 1, 2),
        ("image-1", 3, 1),
        ("image-2", 0, 0),
    ]
    assert (report.counter, report.dataset, report.split) == ("RedPixels", "RedImages", "test")


def test_validate_agrees(red_pixels, three_images):
    scores = evaluate(red_pixels(), three_images).scores["count"]
    assert validate(red_pixels(), three_images) == {
        "mae": pytest.approx(scores.mae.value),
        "rmse": pytest.approx(scores.rmse.value),
    }


def test_game_sees_a_person_in_the_wrong_place(red_pixels, red_images):
    misplaced = red_images(([(1, 1)], [(28.5, 18.5)], None))
    report = evaluate(red_pixels(), misplaced)
    assert report.images[0].game == pytest.approx((0, 2, 2, 2))
    assert [level.value for level in report.scores["count"].game] == pytest.approx([0, 2, 2, 2])


def test_only_people_inside_the_region_count(red_pixels, red_images):
    roi = torch.zeros(20, 30, dtype=torch.bool)
    roi[:, :16] = True
    dataset = red_images(([(1, 1), (28, 18)], [(1.5, 1.5), (14.5, 3.0), (20.0, 15.0)], roi))
    report = evaluate(red_pixels(), dataset, localizer=LocalMaxima())
    assert (report.images[0].actual, report.images[0].predicted) == (2, 1)
    assert report.images[0].game[0] == 1
    assert (report.localization[4.0].predicted, report.localization[4.0].actual) == (1, 2)
    assert list(report.scores) == ["count"]  # "double" has no map to restrict
    assert annotated_counts(dataset) == [2]
    pure = "image-0: .* counter 'RedPixels' .* cannot be restricted to a region"
    with pytest.raises(IncompatibleError, match=pure):
        evaluate(red_pixels(density=False), dataset)


def test_a_direct_count_under_a_region_is_said_to_come_from_the_density_map(red_pixels, red_images):
    roi = torch.ones(20, 30, dtype=torch.bool)
    roi[:, 16:] = False
    red, people = [(1, 1), (28, 18)], [(1.5, 1.5)]
    dataset = red_images((red, people, roi), (red, people, None), (red, people, roi))
    direct = red_pixels()
    direct.direct_count = True
    see = direct.forward
    direct.forward = lambda images: replace(see(images), count=see(images).count + 0.5)
    report = evaluate(direct, dataset)
    assert [each.predicted for each in report.images] == [1, 2.5, 1]
    assert [each.from_density for each in report.images] == [True, False, True]
    assert report_dict(report)["from_density"] == 2
    (line,) = [line for line in format_report(report).splitlines() if "density map inside" in line]
    assert "RedPixels" in line
    assert line.endswith("2 of 3 images")

    summed = evaluate(red_pixels(), dataset)  # its count is the sum of its map anyway
    assert report_dict(summed)["from_density"] == 0
    assert "density map inside" not in format_report(summed)


def test_a_counter_without_density_has_no_game(red_pixels, three_images):
    report = evaluate(red_pixels(density=False), three_images)
    assert report.scores["count"].game == ()
    assert report.scores["count"].mae.value == pytest.approx(1.0)


def test_tiles_change_nothing(red_pixels, three_images):
    whole, tiled = (evaluate(red_pixels(), three_images, tile=side) for side in (None, 8))
    assert [each.predicted for each in tiled.images] == [each.predicted for each in whole.images]
    assert [each.game for each in tiled.images] == [each.game for each in whole.images]


def test_a_procedure_that_tiles_would_replace_is_refused(red_pixels, three_images):
    class Zooming(type(red_pixels())):
        def predict(self, images):
            whole = super().predict(images)
            return replace(whole, counts={"zoomed": 2 * whole.count})

    assert set(evaluate(Zooming(), three_images, tile="auto").scores) == {"count", "zoomed"}
    with pytest.raises(IncompatibleError, match="procedure of its own"):
        evaluate(Zooming(), three_images, tile=8)


def test_tiles_in_place_of_a_regressed_count_are_said(red_pixels, three_images):
    counter = red_pixels()
    counter.direct_count = True
    tiled = evaluate(counter, three_images, tile=8, stamp={"epoch": 3})
    head = format_report(tiled).split("\n\n")[0].splitlines()
    assert head[1:] == [
        "epoch: 3",
        "tiles: 8 px, counted by the density map alone, without the count that RedPixels regresses",
    ]
    assert "tiles" not in evaluate(counter, three_images, tile="auto").stamp
    assert "tiles" not in evaluate(red_pixels(), three_images, tile=8).stamp


def test_localization(red_pixels, three_images):
    report = evaluate(red_pixels(), three_images, localizer=LocalMaxima(), radii=(3.0, 100.0))
    near, far = report.localization[3.0], report.localization[100.0]
    assert (near.matched, near.predicted, near.actual) == (2, 3, 4)
    assert far.matched == 2
    with pytest.raises(IncompatibleError, match=r"LocalMaxima.*'density'.*RedPixels"):
        evaluate(red_pixels(density=False), three_images, localizer=LocalMaxima())


def test_parts_of_images_where_points_are_found(red_pixels, three_images):
    assert all(not each.parts for each in evaluate(red_pixels(), three_images, parts=True).images)
    settings = {"localizer": LocalMaxima(), "parts": True}
    report = evaluate(red_pixels(factor=2.0), three_images, **settings)
    for index, image in enumerate(report.images):
        heads = three_images[index].points.as_subclass(torch.Tensor)
        roi = three_images[index].roi
        kept = heads if roi is None else heads[points_inside(heads, roi)]
        assert list(image.parts) == ["actual", "count", "points"]
        expected = region_counts(kept, 4, size=(20, 30)).flatten()
        assert torch.equal(image.parts["actual"], expected)
        assert image.parts["count"].sum().item() == pytest.approx(image.predicted, abs=1e-5)
        found = next(iter(image.localization.values())).predicted
        assert image.parts["points"].sum().item() == found
    assert not any(each.parts for each in evaluate(red_pixels(), three_images).images)


def test_ranges_part_the_images(red_pixels, three_images):
    report = evaluate(red_pixels(), three_images, ranges=(0, 1))
    parts = report.by_range["count"]
    assert [(part.low, part.high, part.scores.images) for part in parts] == [
        (0, 0, 1),
        (1, 1, 1),
        (2, None, 1),
    ]
    assert [part.scores.mae.value for part in parts] == [0, 1, 2]
    assert torch.tensor(parts[0].scores.nae.value).isnan()
    with pytest.raises(UsageError, match="must ascend"):
        evaluate(red_pixels(), three_images, ranges=(5, 5))


def test_baseline_is_the_training_mean(red_pixels, three_images, red_images):
    train = red_images(([], [(1, 1)], None), ([], [(1, 1)] * 3, None))
    report = evaluate(red_pixels(), three_images, train=train)
    assert report.baseline_mae == pytest.approx((1 + 1 + 2) / 3)
    with pytest.raises(UsageError, match="at least one training image"):
        constant_baseline([], [1])


def test_modes_of_all_modules_come_back(red_pixels, three_images):
    counter = red_pixels()
    counter.train()
    counter.frozen.eval()
    evaluate(counter, three_images)
    assert counter.training
    assert not counter.frozen.training
    counter.train()
    counter.factor = float("nan")
    with pytest.raises(CrowdkitError, match=r"image-0: .*count of nan"):
        validate(counter, three_images)
    assert counter.training
    assert counter.frozen.training


def test_predictions_are_reported_as_they_are(red_pixels, three_images):
    report = evaluate(red_pixels(factor=-0.5), three_images)
    assert [each.predicted for each in report.images] == [-1.0, -0.5, 0.0]


def test_an_empty_dataset_is_refused(red_pixels, red_images):
    with pytest.raises(UsageError, match="has no test image"):
        evaluate(red_pixels(), red_images())


def test_progress(red_pixels, three_images):
    heard = []
    validate(red_pixels(), three_images, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(1, 3), (2, 3), (3, 3)]


def test_two_processes_count_each_image_once(tmp_path):
    script = Path(__file__).with_name("evaluate_in_process.py")
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=300)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))

    torch.manual_seed(0)
    counter, dataset = ToyCounter(), ToyDataset(length=5)
    alone = evaluate(
        counter,
        dataset,
        localizer=LocalMaxima(),
        metrics=installed("metric"),
        density_generator=Fixed(sigma=4.0),
    )
    assert first["report"] == second["report"] == report_dict(alone)
    assert alone.quality.keys() >= {"ssim", "psnr", "background"}
    assert alone.point_scores["ap"]
    assert first["errors"] == second["errors"] == pytest.approx(validate(counter, dataset))
    assert first["progress"] == [[2, 5], [4, 5], [5, 5]]
    assert second["progress"] == []


def test_validation_of_an_alternative_count(red_pixels, three_images):
    class Halves(type(red_pixels())):
        def predict(self, images):
            whole = self(images)
            half = Prediction.from_density(whole.density / 2, whole.stride)
            counts = {"half": half.count, "none": torch.zeros(1)}
            return replace(whole, counts=counts, count_maps={"half": half})

    counter = Halves()
    report = evaluate(counter, three_images)
    for name in ("half", "none"):
        validated = validate(counter, three_images, count=name)
        assert validated["mae"] == pytest.approx(report.scores[name].mae.value)
    with pytest.raises(IncompatibleError, match="'third'"):
        validate(counter, three_images, count="third")
