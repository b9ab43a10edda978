"""Average precision at distances relative to the crowd's density, by hand and by its promises."""

import numpy as np
import pytest
import torch

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.interfaces import LocalizedPoints
from crowdkit_core.metrics import NormalizedPrecision, normalized_average_precision


def found(*rows):
    """Points (x, y, score), best first."""
    rows = torch.tensor(sorted(rows, key=lambda row: -row[2]), dtype=torch.float64).reshape(-1, 3)
    return LocalizedPoints(rows[:, :2], rows[:, 2])


def heads(*rows):
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 2)


ROW = heads((0, 0), (10, 0), (20, 0), (30, 0))
"""Mean distances to the three others: 20, 40/3, 40/3, 20."""


def at(threshold, predictions, targets=ROW):
    return normalized_average_precision([predictions], [targets], thresholds=[threshold])[0]


@pytest.mark.parametrize(("away", "is_right"), [(4.9, True), (5.1, False)])
def test_how_near_is_near_follows_from_the_neighbours(away, is_right):
    one = at(0.25, found((0, away, 0.9)))
    assert one == pytest.approx(26 / 101 if is_right else 0)  # recalls 0, 0.01, ..., 0.25


def test_inner_heads_are_denser():
    assert at(0.25, found((10, 3.4, 0.9))) == 0  # 13.3 * 0.25 = 3.33
    assert at(0.25, found((10, 3.3, 0.9))) > 0


def test_a_head_is_found_once_by_the_point_with_the_higher_score():
    twice = at(0.5, found((0, 1, 0.9), (0, 0, 0.8)))
    assert twice == pytest.approx(26 / 101)  # right, then wrong
    far_first = at(0.5, found((200, 200, 0.9), (0, 0, 0.8)))
    assert far_first == pytest.approx(26 / 101 / 2)


def test_a_point_takes_the_relatively_nearest_free_head():
    close = heads((0, 0), (4, 0), (50, 0), (60, 0))
    assert at(0.5, found((1, 0, 0.9), (1.5, 0, 0.8)), close) == pytest.approx(51 / 101)


def test_perfect_points_and_none():
    perfect = found(*((x, y, 1.0) for x, y in ROW.tolist()))
    values = normalized_average_precision([perfect, found()], [ROW, heads()])
    assert values == (1.0,) * 10
    assert at(0.5, found()) == 0
    assert at(0.5, found(), heads()) == 1


def test_it_does_not_depend_on_the_size_of_the_image():
    rng = np.random.default_rng(0)
    xy = torch.from_numpy(rng.random((40, 2)) * 100)
    near = LocalizedPoints(
        xy + torch.from_numpy(rng.normal(0, 4, (40, 2))), torch.linspace(1, 0, 40).double()
    )
    larger = LocalizedPoints(near.xy * 7, near.score)
    small, large = (
        normalized_average_precision([points], [targets])
        for points, targets in ((near, xy), (larger, xy * 7))
    )
    assert small == pytest.approx(large)
    assert 0 < small[4] < small[-1] < 1
    assert list(small) == sorted(small)


def test_heads_alone_and_in_one_place():
    assert at(0.05, found((90, 90, 0.5)), heads((1, 1))) == 1
    assert at(0.5, found((1, 1, 0.5)), heads((1, 1), (1, 1))) == 0


def test_the_metric_shows_three_thresholds_and_the_mean():
    (row,) = NormalizedPrecision().over_images([found((0, 4.9, 1.0))], [ROW]).values()
    assert row["nAP.05"] == 0
    assert row["nAP.25"] == row["nAP.50"] == pytest.approx(26 / 101)
    assert row["nAP"] == pytest.approx(26 / 101 * 6 / 10)


def test_bad_input_is_refused():
    with pytest.raises(UsageError, match="above 0"):
        normalized_average_precision([], [], thresholds=[0.0])
    with pytest.raises(ShapeError, match="1 sets"):
        normalized_average_precision([found()], [])
