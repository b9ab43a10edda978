"""One-to-one matching and the scores from it."""

import re
from time import process_time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from crowdkit_core.errors import DataError, ShapeError, UsageError
from crowdkit_core.metrics import LocalizationScores, localization_scores, match_points


def dense_matching(found, heads, radii):
    """Most pairs, then least distance, by the dense assignment."""
    distance = np.linalg.norm(found[:, None] - heads[None], axis=-1)
    cost = np.where(distance <= radii, distance / radii.max(), min(len(found), len(heads)) + 1)
    rows, columns = linear_sum_assignment(cost)
    near = distance[rows, columns] <= radii[columns]
    return near.sum(), distance[rows, columns][near].sum()


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    found=st.integers(1, 40),
    heads=st.integers(1, 40),
    scale=st.sampled_from([5, 30, 200]),
    own_radii=st.booleans(),
)
def test_matching_is_the_dense_assignment(seed, found, heads, scale, own_radii):
    random = np.random.default_rng(seed)
    # Whole coordinates, so that equal distances, distance zero and exact radii happen.
    points, people = random.integers(0, scale, (found, 2)), random.integers(0, scale, (heads, 2))
    radii = random.integers(1, 12, heads).astype(float) if own_radii else np.full(heads, 5.0)
    radius = torch.from_numpy(radii) if own_radii else 5.0
    matches = match_points(
        torch.from_numpy(points).float(), torch.from_numpy(people).float(), radius=radius
    )
    pairs, distance = dense_matching(points, people, radii)
    assert len(matches) == pairs
    assert matches.distance.sum().item() == pytest.approx(distance, abs=1e-6)
    assert len(matches.predicted.unique()) == len(matches.actual.unique()) == pairs
    gaps = np.linalg.norm(points[matches.predicted] - people[matches.actual], axis=-1)
    np.testing.assert_allclose(gaps, matches.distance)
    assert (gaps <= radii[matches.actual] + 1e-9).all()


def test_more_pairs_win_over_nearer_pairs():
    found, heads = torch.tensor([[0.0, 0.0], [3.0, 0.0]]), torch.tensor([[2.9, 0.0], [6.0, 0.0]])
    assert match_points(found, heads, radius=3.0).actual.tolist() == [0, 1]


def test_the_radius_itself_is_near_enough():
    assert len(match_points(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), radius=5.0)) == 1
    assert len(match_points(torch.zeros(1, 2), torch.tensor([[3.0, 4.1]]), radius=5.0)) == 0


def test_a_crowd_of_twelve_thousand():
    random = torch.Generator().manual_seed(0)
    heads = torch.rand(12_000, 2, generator=random) * torch.tensor([2900.0, 2000.0])
    order = torch.randperm(12_000, generator=random)
    found = heads[order] + 0.01
    matches = match_points(found, heads, radius=20.0)
    # Dense enough that every head has neighbours in reach, yet its own point is the nearest.
    assert (matches.actual == order).float().mean() > 0.999
    assert len(matches) == 12_000


def test_noise_without_end_is_matched_in_no_time():
    random = torch.Generator().manual_seed(0)
    heads = torch.rand(300, 2, generator=random) * torch.tensor([3000.0, 2000.0])
    noise = torch.rand(200_000, 2, generator=random) * torch.tensor([3000.0, 2000.0])
    for found, actual in ((noise, heads), (heads, noise)):
        start = process_time()
        assert len(match_points(found, actual, radius=20.0)) == 300
        assert process_time() - start < 10  # one way out for each of the many takes minutes


def test_nobody():
    none, one = torch.zeros(0, 2), torch.zeros(1, 2)
    assert len(match_points(none, one, radius=4.0)) == 0
    assert len(match_points(one, none, radius=4.0)) == 0
    assert len(match_points(one, none, radius=torch.zeros(0))) == 0


def test_scores_are_pooled_over_images():
    found = [torch.tensor([[1.0, 1.0], [50.0, 50.0]]), torch.tensor([[9.0, 9.0]])]
    heads = [torch.tensor([[2.0, 1.0]]), torch.tensor([[9.0, 9.0], [30.0, 9.0], [60.0, 9.0]])]
    scores = localization_scores(found, heads, radius=4.0)
    assert scores == LocalizationScores(matched=2, predicted=3, actual=4)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(1 / 2)
    assert scores.f1 == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))


def test_radii_by_head():
    found, heads = [torch.zeros(2, 2)], [torch.tensor([[3.0, 0.0], [0.0, 3.0]])]
    scores = localization_scores(found, heads, radius=[torch.tensor([2.0, 4.0])])
    assert scores.matched == 1


def test_ratios_without_a_denominator():
    none, one = torch.zeros(0, 2), torch.zeros(1, 2)
    empty = localization_scores([none], [none], radius=4.0)
    assert (empty.precision, empty.recall, empty.f1) == (1, 1, 1)
    missed = localization_scores([none], [one], radius=4.0)
    assert (missed.precision, missed.recall, missed.f1) == (0, 0, 0)
    invented = localization_scores([one], [none], radius=4.0)
    assert (invented.precision, invented.recall, invented.f1) == (0, 0, 0)


def test_bad_input_is_refused():
    point = torch.zeros(1, 2)
    with pytest.raises(ShapeError, match=r"found points have shape \(1, 3\)"):
        match_points(torch.zeros(1, 3), point, radius=4.0)
    with pytest.raises(DataError, match="heads hold coordinates that are not finite"):
        match_points(point, torch.tensor([[0.0, torch.nan]]), radius=4.0)
    with pytest.raises(ShapeError, match=r"heads are a ndarray, expected an \(N, 2\) tensor"):
        localization_scores([point], [point.numpy()], radius=4.0)
    with pytest.raises(ShapeError, match=r"found points have shape \(2,\), expected \(N, 2\)"):
        localization_scores(point, [point], radius=4.0)
    with pytest.raises(UsageError, match="positive"):
        match_points(point, point, radius=0.0)
    with pytest.raises(ShapeError, match="one per head"):
        match_points(point, point, radius=torch.ones(2))
    with pytest.raises(ShapeError, match="expected one of each per image"):
        localization_scores([point], [], radius=4.0)


@pytest.mark.parametrize("far", [1e300, -1e300, 1.1e100])
def test_coordinates_whose_squares_overflow_are_refused(far):
    point = torch.tensor([[far, 2.0]], dtype=torch.float64)
    message = re.escape(f"found points hold the coordinate {far:g}")
    with pytest.raises(DataError, match=message):
        match_points(point, torch.zeros(1, 2), radius=4.0)


@pytest.mark.parametrize("far", [1e30, 9e99, -9e99])
def test_far_coordinates_are_matched(far):
    point = torch.tensor([[far, far], [1.0, 2.0]], dtype=torch.float64)
    heads = torch.tensor([[-far, 2.0], [1.0, 3.0], [far, far]], dtype=torch.float64)
    assert match_points(point, heads, radius=4.0).actual.tolist() == [2, 1]
