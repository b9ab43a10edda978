"""Matches over growing radii, against all permutations and against scipy's assignment."""

from itertools import permutations

import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given
from hypothesis import strategies as st

from crowdkit_core.errors import DataError, ShapeError, UsageError
from crowdkit_core.metrics import match_points, matching_curve

cells = st.tuples(st.integers(0, 12), st.integers(0, 12))


def points(cells):
    return torch.tensor(cells, dtype=torch.float64).reshape(-1, 2)


def most_pairs_by_trying_all(found, heads, radius):
    fewer, more = sorted((found, heads), key=len)
    return max(
        sum(np.hypot(*np.subtract(a, b)) <= radius for a, b in zip(fewer, chosen, strict=True))
        for chosen in permutations(more, len(fewer))
    )


@given(found=st.lists(cells, max_size=5), heads=st.lists(cells, max_size=5))
def test_no_order_of_pairs_has_more(found, heads):
    radii = [0.5, 1.0, 1.5, 2.5, 5.0, 20.0]
    expected = [most_pairs_by_trying_all(found, heads, radius) for radius in radii]
    assert matching_curve(points(found), points(heads), radii=radii).tolist() == expected


@pytest.mark.parametrize("heads", [40, 200])
def test_crowds_have_as_many_as_the_assignment_of_scipy(heads):
    rng = np.random.default_rng(heads)
    found, actual = rng.random((150, 2)) * 100, rng.random((heads, 2)) * 100
    radii = [float(radius) for radius in range(1, 101)]
    distance = np.linalg.norm(found[:, None] - actual[None], axis=2)
    expected = []
    for radius in radii:
        near = distance <= radius
        row, column = scipy.optimize.linear_sum_assignment(near, maximize=True)
        expected.append(int(near[row, column].sum()))
    curve = matching_curve(torch.from_numpy(found), torch.from_numpy(actual), radii=radii)
    assert curve.tolist() == expected
    matches = match_points(torch.from_numpy(found), torch.from_numpy(actual), radius=7.0)
    assert curve[6] == len(matches)


def test_a_pair_on_the_radius_matches():
    curve = matching_curve(points([(0, 0)]), points([(3, 4)]), radii=[4.999, 5.0])
    assert curve.tolist() == [0, 1]


def test_bad_input_is_refused():
    none = points([])
    for radii in ([], [0.0], [2.0, 1.0], [1.0, 1.0]):
        with pytest.raises(UsageError, match="ascend"):
            matching_curve(none, none, radii=radii)
    with pytest.raises(ShapeError):
        matching_curve(torch.zeros(3), none, radii=[1.0])
    with pytest.raises(DataError):
        matching_curve(torch.full((1, 2), torch.nan), none, radii=[1.0])
