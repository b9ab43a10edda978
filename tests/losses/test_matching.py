"""Pairs of least cost against every pairing there is, and against SciPy on the same costs."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from crowdkit_core.losses import match_proposals


def drawn(proposals, people, seed=0, side=64.0):
    random = torch.Generator().manual_seed(seed)
    xy, points = (side * torch.rand(n, 2, generator=random) for n in (proposals, people))
    return xy, torch.rand(proposals, generator=random), points


def costs(xy, scores, points, distance_cost, score_cost):
    distances = np.hypot(*(xy[:, None] - points[None]).double().numpy().transpose(2, 0, 1))
    return distance_cost * distances - score_cost * scores.double().numpy()[:, None]


def every_pairing(proposals, people):
    if proposals >= people:
        return (
            list(zip(p, range(people), strict=True)) for p in permutations(range(proposals), people)
        )
    return (
        list(zip(range(proposals), p, strict=True)) for p in permutations(range(people), proposals)
    )


@given(
    proposals=st.integers(0, 5),
    people=st.integers(0, 4),
    seed=st.integers(0, 1000),
    distance_cost=st.sampled_from([0.0, 0.05, 2.0]),
    score_cost=st.sampled_from([0.0, 1.0, 9.0]),
)
def test_no_pairing_costs_less(proposals, people, seed, distance_cost, score_cost):
    parts = drawn(proposals, people, seed)
    table = costs(*parts, distance_cost, score_cost)
    found = match_proposals(*parts, distance_cost=distance_cost, score_cost=score_cost)
    chosen, person = (each.tolist() for each in found)
    assert len(set(chosen)) == len(set(person)) == min(proposals, people)
    least = min(sum(table[pair] for pair in pairs) for pairs in every_pairing(proposals, people))
    assert sum(table[chosen, person]) == pytest.approx(least, abs=1e-4)


@pytest.mark.parametrize("people", [0, 1, 300, 5000])
def test_a_crowd_costs_what_scipy_says(people):
    parts = drawn(1024, people, side=128.0)
    table = costs(*parts, 0.05, 1.0)
    chosen, person = match_proposals(*parts)
    assert len(chosen) == len(person) == min(1024, people)
    expected = table[linear_sum_assignment(table)].sum()
    assert table[chosen, person].sum() == pytest.approx(expected, rel=1e-5)


def test_a_sure_proposal_is_taken_before_a_near_one():
    """A score of 1 is worth 20 pixels."""
    xy = torch.tensor([[10.0, 0.0], [28.0, 0.0], [31.0, 0.0]])
    person = torch.tensor([[10.0, 0.0]])
    near = match_proposals(xy, torch.tensor([0.0, 0.0, 1.0]), person)
    sure = match_proposals(xy, torch.tensor([0.0, 1.0, 0.0]), person)
    assert near[0].tolist() == [0]
    assert sure[0].tolist() == [1]


def test_far_from_the_corner_pixels_count_as_much():
    far = torch.tensor([50_000.0, 40_000.0])
    points = torch.rand(60, 2, generator=torch.Generator().manual_seed(2)) * 200
    shuffled = torch.randperm(60, generator=torch.Generator().manual_seed(3))
    chosen, person = match_proposals(far + points[shuffled], torch.zeros(60), far + points)
    assert torch.equal(shuffled[chosen], person)


def test_numbers_that_are_none_are_left_to_the_loss():
    xy, scores, points = drawn(4, 2)
    xy[1] = torch.nan
    scores[2] = torch.nan
    chosen, _ = match_proposals(xy, scores, points)
    assert len(chosen) == 2
