"""Intervals hold the actual count as often as they say."""

import json
import math

import numpy as np
import pytest

from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.inference import Calibration, Interval, read_calibration, write_calibration
from crowdkit_core.inference.interval import images_needed


def scenes(random, number):
    """Counts as counters give them: small ones off by more, and a tenth of the scenes empty."""
    actual = np.rint(np.exp(random.normal(4.5, 1.3, number))) * (random.random(number) > 0.1)
    noise = random.normal(0.1, 1, number) * (0.1 + 0.5 / (1 + actual / 50))
    return actual * np.exp(noise) + random.normal(0, 0.5, number), actual


def calibration(predicted, actual):
    return Calibration(predicted=tuple(predicted.tolist()), actual=tuple(actual.tolist()))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("images", [20, 45, 130])
def test_the_actual_count_lies_inside_with_the_probability(images, level):
    random = np.random.default_rng(images)
    inside = []
    for _ in range(300):
        known = calibration(*scenes(random, images))
        for predicted, actual in zip(*scenes(random, 10), strict=True):
            interval = known.interval(predicted, level)
            inside.append(interval.low - 1e-9 <= actual <= interval.high + 1e-9)
    rounding = 1 / 20  # a range has 19 images or more, so a rank is at most 1/20 too high
    assert level - 0.02 <= np.mean(inside) <= level + rounding + 0.02


def test_each_range_of_counts_has_the_probability():
    random = np.random.default_rng(0)
    covered = {"few": [], "many": []}
    for _ in range(200):
        known = calibration(*scenes(random, 200))
        for predicted, actual in zip(*scenes(random, 20), strict=True):
            interval = known.interval(predicted)
            inside = interval.low - 1e-9 <= actual <= interval.high + 1e-9
            covered["few" if predicted < 20 else "many"].append(inside)
    assert all(0.87 <= np.mean(inside) <= 0.96 for inside in covered.values()), covered


def test_large_counts_are_known_better_where_the_images_say_so():
    predicted = np.array([10.0] * 40 + [1000.0] * 40) + np.linspace(0, 1, 80)
    actual = predicted * np.array([1.5, 0.6] * 20 + [1.05, 0.96] * 20)
    known = calibration(predicted, actual)
    few, many = known.interval(10.4), known.interval(1000.9)
    assert many.high / many.low < 1.2 < 2 < few.high / few.low


def test_perfect_predictions_have_intervals_without_width():
    counts = np.arange(20.0)
    interval = calibration(counts, counts).interval(12.0)
    assert (interval.low, interval.high) == pytest.approx((12, 12))


def test_nobody_is_a_count_like_any_other():
    known = calibration(np.array([0.2, -0.3] * 10), np.array([0.0, 1.0] * 10))
    for count in (0.0, -0.4, 0.3):
        interval = known.interval(count)
        assert interval.low == 0
        assert math.isfinite(interval.high)
        assert interval.high >= 1 - 1e-9


def test_a_higher_level_is_wider_until_the_images_do_not_suffice():
    known = calibration(*scenes(np.random.default_rng(1), 20))
    widths = [known.interval(50.0, level) for level in (0.5, 0.8, 0.95)]
    assert sorted(each.high for each in widths) == [each.high for each in widths]
    assert known.interval(50.0, 0.96) is None
    assert images_needed(0.95) <= 20 < images_needed(0.96)
    assert Calibration(predicted=(), actual=()).interval(50.0) is None


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0, math.nan])
def test_a_level_is_a_probability(level):
    with pytest.raises(UsageError, match="expected a probability between 0 and 1"):
        calibration(*scenes(np.random.default_rng(1), 20)).interval(50.0, level)


def test_an_interval_reads_as_percents():
    assert str(Interval(279.6, 371.2, 0.9)) == "90 %: 280 to 371"
    assert str(Interval(0.0, 3.0, 0.995)) == "99.5 %: 0 to 3"


def test_a_calibration_comes_back_from_its_file(tmp_path):
    known = Calibration(predicted=(1.5, 2.0), actual=(1.0, 3.0), weights="abc", sizing="as given")
    write_calibration(tmp_path / "mine.json", known)
    assert read_calibration(tmp_path / "mine.json") == known


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("[1, 2]", "expected a table"),
        ('{"predicted": [1]}', "expected a table"),
        ('{"predicted": [1], "actual": ["many"]}', "many"),
        ('{"predicted": [1], "actual": [1, 2]}', "1 predicted and 2 actual counts"),
        ('{"predicted": [1], "actual": [-2]}', "negative"),
        (json.dumps({"predicted": [math.nan], "actual": [2]}), "not finite"),
    ],
)
def test_a_file_that_is_no_calibration(tmp_path, content, message):
    (tmp_path / "mine.json").write_text(content)
    with pytest.raises(DataError, match=rf"mine\.json.*{message}"):
        read_calibration(tmp_path / "mine.json")
    with pytest.raises(DataError, match=r"absent\.json"):
        read_calibration(tmp_path / "absent.json")
