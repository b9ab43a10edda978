"""Bootstrap intervals."""

import numpy as np
import pytest
from scipy import stats

from crowdkit_core.evaluation.scores import score


def test_interval_is_scipys():
    random = np.random.default_rng(0)
    actual = random.integers(1, 300, 80)
    predicted = actual + random.normal(0, 30, 80)
    ours = score(predicted.tolist(), actual.tolist())
    statistics = {
        "mae": lambda p, a, axis: np.abs(p - a).mean(axis),
        "rmse": lambda p, a, axis: np.sqrt(((p - a) ** 2).mean(axis)),
        "nae": lambda p, a, axis: (np.abs(p - a) / a).mean(axis),
    }
    for name, statistic in statistics.items():
        theirs = stats.bootstrap(
            (predicted, actual),
            statistic,
            paired=True,
            vectorized=True,
            method="percentile",
            n_resamples=20_000,
            rng=np.random.default_rng(1),
        )
        estimate, width = getattr(ours, name), np.ptp(theirs.confidence_interval)
        assert estimate.low == pytest.approx(theirs.confidence_interval.low, abs=0.05 * width)
        assert estimate.high == pytest.approx(theirs.confidence_interval.high, abs=0.05 * width)


def test_interval_covers_the_true_error_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    truth = np.sqrt(2 / np.pi)  # mean absolute value of a standard normal
    covered = 0
    for seed in range(200):
        errors = random.normal(size=60)
        estimate = score(errors.tolist(), [0] * 60, seed=seed).mae
        covered += estimate.low <= truth <= estimate.high
    assert 0.88 <= covered / 200 <= 0.99


def test_same_seed_same_interval():
    predicted, actual = [1.0, 5.0, 9.0, 2.5], [1, 4, 4, 4]
    assert score(predicted, actual, seed=3) == score(predicted, actual, seed=3)
    assert score(predicted, actual, seed=3).mae != score(predicted, actual, seed=4).mae


def test_one_image_has_no_spread():
    estimate = score([4.0], [1]).mae
    assert (estimate.value, estimate.low, estimate.high) == (3, 3, 3)
