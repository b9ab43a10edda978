"""One of several near points stays, against trying one after the other."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import LocalizedPoints
from crowdkit_core.localization import suppress_near

cells = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 2))


def brute_force(xy, radius, part):
    kept = []
    for i, point in enumerate(xy):
        near = [j for j in kept if (point - xy[j]).square().sum() <= radius**2]
        if not any(part is None or part[i] != part[j] for j in near):
            kept.append(i)
    return kept


@given(st.lists(cells, max_size=25), st.sampled_from([0, 1, 1.5, 3, 20]), st.data())
def test_what_stays_is_what_one_after_the_other_leaves(rows, radius, data):
    table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 3)
    part = table[:, 2].long() if data.draw(st.booleans(), label="parts") else None
    points = LocalizedPoints(table[:, :2], torch.linspace(1, 0, len(table)))
    expected = brute_force(table[:, :2], radius, part)
    kept = suppress_near(points, radius, part=part)
    assert torch.equal(kept.xy, points.xy[expected])
    assert torch.equal(kept.score, points.score[expected])


@given(rows=st.lists(cells, max_size=25), radius=st.sampled_from([1, 2, 5]))
def test_it_leaves_no_two_points_near_and_does_nothing_twice(rows, radius):
    table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 3)
    kept = suppress_near(LocalizedPoints(table[:, :2], torch.ones(len(table))), radius)
    assert (torch.pdist(kept.xy) > radius).all()
    assert torch.equal(suppress_near(kept, radius).xy, kept.xy)


def test_a_dropped_point_drops_nothing():
    row = LocalizedPoints(torch.tensor([[0.0, 0], [2, 0], [4, 0]]), torch.tensor([3.0, 2, 1]))
    assert suppress_near(row, 2).xy[:, 0].tolist() == [0, 4]


def test_a_radius_below_zero_is_refused():
    with pytest.raises(UsageError, match="0 or more"):
        suppress_near(LocalizedPoints(torch.zeros(0, 2), torch.zeros(0)), -1)
