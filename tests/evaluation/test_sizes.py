"""Evaluation of a counter that is shown images in another size."""

import pytest
import torch

from crowdkit_core.data.transforms import Resizing
from crowdkit_core.evaluation import evaluate
from crowdkit_core.inference import Model, Sizing
from crowdkit_core.localization import LocalMaxima

TWICE = Sizing(resizing=Resizing(scale=2.0))
TOP = torch.zeros(20, 30, dtype=torch.bool)
TOP[:10] = True


@pytest.fixture
def images(red_images):
    points = [(2.5, 3.5), (17.5, 4.5), (9.5, 15.5)]
    pixels = [(2, 3), (17, 4), (9, 15)]
    return red_images((pixels, points, None), (pixels, points, TOP), ([], [], None))


def test_counts_are_those_of_a_model_in_that_size(red_pixels, images):
    counter = red_pixels()
    model = Model(counter=counter, sizing=TWICE)
    report = evaluate(counter, images, sizing=TWICE)
    expected = [model(sample.image, roi=sample.roi).count for sample in images]
    assert [each.predicted for each in report.images] == pytest.approx(expected)
    # A red pixel is four in an image of twice the size.
    assert expected == pytest.approx([12, 8, 0], abs=0.1)
    assert [each.actual for each in report.images] == [3, 2, 0]


def test_regions_of_the_image_are_told_apart_in_its_own_pixels(red_pixels, images):
    quarter = evaluate(red_pixels(factor=0.25), images, sizing=TWICE)
    assert quarter.images[0].game[:2] == pytest.approx((0, 0), abs=0.05)
    assert quarter.images[1].game[:2] == pytest.approx((0, 0), abs=0.05)


def test_points_come_back_in_the_image_own_pixels(red_pixels, images):
    localizer = LocalMaxima(threshold=0.1)
    shown_twice = evaluate(red_pixels(), images, sizing=TWICE, localizer=localizer, radii=(4.0,))
    scores = shown_twice.images[0].localization[4.0]
    assert (scores.matched, scores.actual) == (3, 3)


def test_the_report_says_it(red_pixels, images):
    assert evaluate(red_pixels(), images, sizing=TWICE).stamp["sizes"] == "scale 2"
    assert "sizes" not in evaluate(red_pixels(), images).stamp
