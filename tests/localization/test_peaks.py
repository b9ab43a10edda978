"""Peaks of a map."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from crowdkit_core.localization import find_peaks

maps = st.builds(
    lambda seed, size: torch.rand(size, generator=torch.Generator().manual_seed(seed)),
    st.integers(0, 2**16),
    st.tuples(st.integers(1, 25), st.integers(1, 25)),
)


@settings(deadline=None, max_examples=50)
@given(maps, st.integers(1, 4), st.floats(0, 1))
def test_peaks_without_ties_are_the_maximum_filter(values, radius, threshold):
    xy, height = find_peaks(values, radius=radius, threshold=threshold)
    grid = values.numpy()
    filtered = ndimage.maximum_filter(grid, 2 * radius + 1, mode="constant", cval=-np.inf)
    rows, columns = np.nonzero((grid == filtered) & (grid > np.float32(threshold)))
    assert {tuple(p) for p in xy.tolist()} == set(zip(columns + 0.5, rows + 0.5, strict=True))
    assert (height.diff() <= 0).all()
    cells = xy.long()
    assert torch.equal(values[cells[:, 1], cells[:, 0]], height)


@settings(deadline=None, max_examples=50)
@given(maps, st.integers(1, 3), st.booleans())
def test_flips_commute(values, radius, refine):
    height, width = values.shape
    xy, score = find_peaks(values, radius=radius, refine=refine)
    mirrored, mirrored_score = find_peaks(values.flip(1), radius=radius, refine=refine)
    assert torch.allclose(mirrored, torch.tensor([width, 0.0]) + xy * torch.tensor([-1.0, 1.0]))
    assert torch.equal(score, mirrored_score)
    upturned, _ = find_peaks(values.flip(0), radius=radius, refine=refine)
    assert torch.allclose(upturned, torch.tensor([0.0, height]) + xy * torch.tensor([1.0, -1.0]))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**16), st.integers(1, 5))
def test_no_two_equal_peaks_within_reach(seed, radius):
    random = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 3, (18, 21), generator=random).float()
    values *= torch.rand(18, 21, generator=random) < 0.2
    xy, height = find_peaks(values, radius=radius)
    mask = (values == values.max()).numpy() & bool(values.max() > 0)
    # Cells within reach of each other, linked by hand one pair at a time.
    cells = np.argwhere(mask)
    owner = list(range(len(cells)))
    for i, one in enumerate(cells):
        for j, other in enumerate(cells[:i]):
            if abs(one - other).max() <= radius:
                owner = [owner[j] if each == owner[i] else each for each in owner]
    groups = [cells[np.array(owner) == each] for each in set(owner)]
    expected = sorted((group.mean(0)[::-1] + 0.5).tolist() for group in groups)
    top = xy[height == values.max()] if len(cells) else xy
    assert sorted(top.tolist()) == pytest.approx(np.array(expected).reshape(-1, 2))


@pytest.mark.parametrize("refine", [False, True])
def test_a_flat_map_is_one_plateau(refine):
    xy, height = find_peaks(torch.full((6, 9), 0.5), refine=refine)
    assert xy.tolist() == [[4.5, 3.0]]
    assert height.tolist() == [0.5]


def test_a_bent_plateau_is_one_peak():
    values = torch.zeros(7, 7)
    values[1, 1:6] = values[1:6, 1] = values[1:6, 5] = 1.0  # an arch
    assert len(find_peaks(values)[0]) == 1


def test_zeros_and_negatives_have_no_peak():
    assert find_peaks(torch.zeros(5, 5))[0].shape == (0, 2)
    assert find_peaks(torch.full((5, 5), -1.0))[0].shape == (0, 2)


def test_refinement_finds_the_top_of_a_paraboloid():
    row, column = torch.meshgrid(torch.arange(9.0), torch.arange(11.0), indexing="ij")
    values = 100 - (column + 0.5 - 5.8) ** 2 - 2 * (row + 0.5 - 3.3) ** 2
    xy, _ = find_peaks(values, refine=True)
    assert xy.tolist() == [[pytest.approx(5.8, abs=1e-4), pytest.approx(3.3, abs=1e-4)]]


def test_refinement_leaves_a_peak_on_the_border():
    xy, _ = find_peaks(torch.tensor([[3.0, 2.0, 0.0]]), refine=True)
    assert xy.tolist() == [[0.5, 0.5]]


def test_refinement_leaves_the_middle_of_a_flat():
    # The outer ones lie beside a 2: the middle one is a peak alone.
    xy, _ = find_peaks(torch.tensor([[2.0, 1.0, 1.0, 1.0, 2.0]]), refine=True)
    assert xy.tolist() == [[0.5, 0.5], [4.5, 0.5], [2.5, 0.5]]


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu():
    values = torch.rand(40, 60, generator=torch.Generator().manual_seed(0))
    values[10:14, 20:25] = 2.0
    for refine in (False, True):
        here = find_peaks(values, radius=2, refine=refine)
        there = find_peaks(values.cuda(), radius=2, refine=refine)
        for one, other in zip(here, there, strict=True):
            assert other.is_cuda
            torch.testing.assert_close(one, other.cpu())
