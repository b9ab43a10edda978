"""Metrics of density maps and of ranked points in an evaluation."""

import csv
import json

import numpy as np
import pytest
import torch
from scipy import stats
from torchmetrics.functional.image import peak_signal_noise_ratio

from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.evaluation import evaluate, format_report, report_dict, write_image_csv
from crowdkit_core.evaluation.asked_metrics import mean_over_images
from crowdkit_core.evaluation.bootstrap import resampling_weights
from crowdkit_core.interfaces import Counter, DensityGenerator, MapSpec, Prediction
from crowdkit_core.localization import LocalMaxima

MAPS = ("ssim", "psnr", "background")


class Dots(DensityGenerator):
    """A whole person in the pixel that holds a point."""

    def forward(self, points, size, *, stride=1, sigmas=None, images=None):
        assert stride == 1
        density = torch.zeros(len(points), 1, *size)
        for image, each in zip(density, points, strict=True):
            for x, y in each.long().tolist():
                image[0, y, x] += 1
        return density


class Blurred(Counter):
    """Finds every red pixel's centre and gives the map of a generator."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = {"density": MapSpec("density", 1)}
        self.generator = Fixed(sigma=3.0)

    def forward(self, images):
        points = [image[0].nonzero().flip(1).float() + 0.5 for image in images]
        return Prediction.from_density(self.generator(points, tuple(images.shape[-2:])), 1)


@pytest.fixture
def annotated(red_images):
    """Images whose people are annotated where they are; nobody is in the last."""
    return red_images(
        ([(8, 8), (21, 12)], [(8.5, 8.5), (21.5, 12.5)], None),
        ([(15, 6)], [(15.5, 6.5)], None),
        ([], [], None),
    )


def test_a_coarse_map_is_brought_to_full_resolution(red_pixels, red_images):
    found = red_images(([(5, 5)], [(5.5, 5.5)], None))
    report = evaluate(red_pixels(), found, metrics=MAPS, density_generator=Dots())
    # Cell (1, 1) hands out its person with the weights 1 3 5 7 7 5 3 1 (by 32) along each side,
    # from pixel 2 on; the head is in pixel 5.
    weights = np.array([1, 3, 5, 7, 7, 5, 3, 1]) / 32
    predicted, actual = np.zeros((20, 30)), np.zeros((20, 30))
    predicted[2:10, 2:10] = np.outer(weights, weights)
    actual[5, 5] = 1
    assert report.quality["background"].value == pytest.approx(1 - (7 / 32) ** 2)
    assert report.quality["psnr"].value == pytest.approx(
        -10 * np.log10(((predicted - actual) ** 2).mean())
    )
    assert report.map_stride == 4
    assert report.map_target == "Dots"


def test_perfect_maps(annotated):
    report = evaluate(Blurred(), annotated, metrics=MAPS, density_generator=Fixed(sigma=3.0))
    assert report.quality["ssim"].value == pytest.approx(1.0)
    assert report.quality["background"].value == pytest.approx(0.0, abs=1e-3)  # the tails
    assert np.isnan(report.quality["psnr"].value)  # none is finite
    assert "left out of PSNR (dB), not finite there: 3" in format_report(report)
    document = report_dict(report)
    assert document["quality"]["psnr"]["value"] is None
    assert [image["psnr"] for image in document["images"]] == [None] * 3


def test_means_are_over_images_and_psnr_leaves_equal_maps_out(annotated):
    report = evaluate(Blurred(), annotated, metrics=MAPS, density_generator=Fixed(sigma=5.0))
    seen, wanted = (Fixed(sigma=sigma) for sigma in (3.0, 5.0))
    expected = []
    for _, points, _ in annotated.images[:2]:
        x, y = (make([torch.tensor(points)], (20, 30)) for make in (seen, wanted))
        peak = max(x.max(), y.max()).item()
        expected.append(peak_signal_noise_ratio(x, y, data_range=peak).item())
    assert [image.quality["psnr"] for image in report.images[:2]] == pytest.approx(expected, 1e-4)
    assert report.images[2].quality == {"ssim": 1.0, "psnr": float("inf"), "background": 0.0}
    assert report.quality["psnr"].value == pytest.approx(np.mean(expected), rel=1e-4)
    for name in ("ssim", "background"):
        mean = np.mean([image.quality[name] for image in report.images])
        assert report.quality[name].value == pytest.approx(mean)
    assert "left out of PSNR (dB), not finite there: 1" in format_report(report)


def test_only_people_inside_the_region_are_compared(red_images):
    roi = torch.zeros(20, 30, dtype=torch.bool)
    roi[:, :15] = True
    inside = red_images(([(5, 8)], [(5.5, 8.5)], roi))
    beside = red_images(([(5, 8), (28, 8)], [(5.5, 8.5), (22.5, 3.5)], roi))
    one, other = (
        evaluate(Blurred(), each, metrics=MAPS, density_generator=Fixed(sigma=2.0))
        for each in (inside, beside)
    )
    assert other.images[0].quality == pytest.approx(one.images[0].quality, abs=1e-5)
    assert one.images[0].quality["background"] < 0.05  # the wider tails


def test_widths_are_measured_on_the_whole_image(red_images):
    class Crowd(Fixed):
        """Each Gaussian as wide as there are people in what was measured."""

        def measure(self, points, size):
            return {"sigma": torch.full((len(points),), float(len(points)))}

        def forward(self, points, size, *, stride=1, sigmas=None, images=None):
            assert [each.tolist() for each in sigmas] == [[3.0]]
            assert images.shape == (1, 3, *size)
            return super().forward(points, size, stride=stride)

    roi = torch.zeros(20, 30, dtype=torch.bool)
    roi[:, :15] = True
    dataset = red_images(([(5, 5)], [(5.5, 5.5), (20.5, 5.5), (25.5, 5.5)], roi))
    evaluate(Blurred(), dataset, metrics=["ssim"], density_generator=Crowd())


def test_average_precision_of_ranked_points(red_pixels, three_images):
    report = evaluate(red_pixels(), three_images, localizer=LocalMaxima(), metrics=["ap"])
    table = report.point_scores["ap"]
    assert list(table) == ["40 px", "20 px", "5 px"]
    # Of equal scores: right, wrong (the head is taken), right; two of four heads are found.
    assert table["40 px"]["AR.50"] == 0.5
    by_hand = (26 * 1 + 25 * 2 / 3) / 101
    assert table["40 px"]["AP.50"] == pytest.approx(by_hand)
    assert report.quality == {}
    assert report_dict(report)["point_scores"]["ap"]["40 px"]["AR.50"] == 0.5
    assert "20 px" in format_report(report)


def test_average_precision_sees_only_the_region(red_pixels, red_images):
    roi = torch.zeros(20, 30, dtype=torch.bool)
    roi[:, :16] = True
    dataset = red_images(([(1, 1), (28, 18)], [(1.5, 1.5), (20.0, 15.0)], roi))
    report = evaluate(red_pixels(), dataset, localizer=LocalMaxima(), metrics=["ap"])
    assert report.point_scores["ap"]["40 px"]["mAP"] == pytest.approx(1.0)
    assert report.point_scores["ap"]["40 px"]["mAR"] == 1


def test_nothing_is_measured_unasked(red_pixels, three_images):
    report = evaluate(red_pixels(), three_images, localizer=LocalMaxima(), density_generator=Dots())
    assert (report.quality, report.point_scores, report.map_target) == ({}, {}, "")
    assert "density map" not in format_report(report)


def test_what_cannot_be_measured_is_refused(red_pixels, three_images):
    class Coarse(Dots):
        strides = frozenset({4, 8})

    with pytest.raises(UsageError, match=r"no metric named 'ssmi'; did you mean 'ssim'"):
        evaluate(red_pixels(), three_images, metrics=["psnr", "ssmi"])
    with pytest.raises(UsageError, match="'psnr' is asked for twice"):
        evaluate(red_pixels(), three_images, metrics=["psnr", "psnr"])
    with pytest.raises(UsageError, match=r"'ssim'[\s\S]*--density-generator"):
        evaluate(red_pixels(), three_images, metrics=["ssim"])
    with pytest.raises(UsageError, match=r"'ap'[\s\S]*--localizer"):
        evaluate(red_pixels(), three_images, metrics=["ap"])
    with pytest.raises(IncompatibleError, match=r"'psnr' compares density maps.*'RedPixels'"):
        evaluate(
            red_pixels(density=False), three_images, metrics=["psnr"], density_generator=Dots()
        )
    with pytest.raises(IncompatibleError, match=r"'Coarse' makes strides \[4, 8\]"):
        evaluate(red_pixels(), three_images, metrics=["psnr"], density_generator=Coarse())


def test_files_hold_the_metrics_of_each_image(annotated, tmp_path):
    report = evaluate(Blurred(), annotated, metrics=MAPS, density_generator=Fixed(sigma=5.0))
    write_image_csv(report.images, tmp_path / "images.csv")
    with (tmp_path / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in MAPS:
        assert [float(row[name]) for row in rows] == [each.quality[name] for each in report.images]
    document = json.loads(json.dumps(report_dict(report), allow_nan=False))
    assert document["quality"]["ssim"]["value"] == report.quality["ssim"].value
    assert document["map_stride"] == 1


def test_interval_is_scipys():
    values = np.random.default_rng(0).normal(20, 3, 80)
    ours = mean_over_images(values.tolist(), resampling_weights(80, seed=0))
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert ours.value == pytest.approx(values.mean())
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.05 * width)
