"""Two-stream fusion: counts by cell, eq. 4 and its threshold."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from crowdkit_raznet.fusion import (
    density_cells,
    dot_map,
    fit_theta,
    fuse_maps,
    localization_weights,
    point_cells,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.errors import DataError

sizes = st.tuples(st.integers(1, 70), st.integers(1, 70))


def fused_count(density, localization, theta):
    """By the weights of equation 4."""
    alpha = localization_weights(density, localization, theta)
    return (density + alpha * (localization - density)).sum(-1)


def random_points(number, size, seed):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(number, 2, generator=random) * torch.tensor([size[1], size[0]])


@settings(deadline=None, max_examples=50)
@given(size=sizes, stride=st.sampled_from([1, 2, 8]), seed=st.integers(0, 99))
def test_cells_add_up_to_the_whole(size, stride, seed):
    cells = [-(-side // stride) for side in size]
    density = torch.rand(2, 1, *cells, generator=torch.Generator().manual_seed(seed))
    by_cell = density_cells(density, stride=stride, size=size)
    assert by_cell.shape == (2, 16)
    torch.testing.assert_close(by_cell.sum(1), density.double().flatten(1).sum(1))
    points = random_points(seed, size, seed)
    assert point_cells(points, size=size).sum().item() == seed


@settings(deadline=None, max_examples=20)
@given(size=st.tuples(st.integers(4, 40), st.integers(4, 40)), seed=st.integers(0, 99))
def test_cells_are_the_pixels_between_the_borders(size, seed):
    density = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(seed))
    points = random_points(20, size, seed)
    rows, columns = ([round(i * side / 4) for i in range(5)] for side in size)
    people, found = [], []
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            people.append(density[0, 0, top:bottom, left:right].double().sum().item())
            found.append(sum(left <= x < right and top <= y < bottom for x, y in points.tolist()))
    assert density_cells(density, stride=1, size=size)[0].tolist() == pytest.approx(people)
    assert point_cells(points, size=size).tolist() == found


def test_a_cut_cell_is_shared_by_area():
    # Borders at 6 (24 / 4) cut the first cell of 8 pixels at three quarters.
    density = torch.zeros(1, 1, 3, 3)
    density[..., 0, 0] = 16.0
    cells = density_cells(density, stride=8, size=(24, 24)).reshape(4, 4)
    assert cells[:2, :2].tolist() == [[9, 3], [3, 1]]


def test_equation_4_by_hand():
    density = torch.tensor([[10.0, 3.0, 0.0, 6.0], [1.0, 1.0, 1.0, 1.0]])
    points = torch.tensor([[8.0, 1.0, 2.0, 4.0], [3.0, 0.0, 0.0, 0.0]])
    # Means 9, 2, 1, 5: the first and the last are dense.
    assert fused_count(density, points, 5.0).tolist() == [10 + 2 + 1 + 6, 2 + 3 * 0.5]
    assert fused_count(density, points, 5.1).tolist() == [10 + 2 + 1 + 5, 2 + 3 * 0.5]
    assert fused_count(density, points, torch.tensor(2.0)).tolist() == [10 + 3 + 1 + 6, 1 + 1.5]
    by_cell = torch.tensor([9.5, 2.0, 0.0, math.inf])
    assert fused_count(density, points, by_cell).tolist() == [9 + 3 + 0 + 5, 2 + 0.5 + 1 + 0.5]


def test_infinite_thresholds_are_the_average_and_the_density():
    random = torch.Generator().manual_seed(0)
    density, points = torch.rand(5, 16, generator=random), torch.rand(5, 16, generator=random)
    average = (density.sum(1) + points.sum(1)) / 2
    torch.testing.assert_close(fused_count(density, points, math.inf), average)
    torch.testing.assert_close(fused_count(density, points, -math.inf), density.sum(1))


@settings(deadline=None, max_examples=40)
@given(size=sizes, stride=st.sampled_from([1, 2, 8]), seed=st.integers(0, 99))
def test_the_fused_map_adds_up_to_the_fused_count(size, stride, seed):
    random = torch.Generator().manual_seed(seed)
    density = torch.rand(*(-(-side // stride) for side in size), generator=random)
    points = random_points(seed, size, seed)
    by_density = density_cells(density[None, None], stride=stride, size=size)[0]
    by_points = point_cells(points, size=size)
    single = ((by_density + by_points) / 2).median()
    for theta in (single, torch.rand(16, generator=random) * 2 * single, math.inf, -math.inf):
        fused = fuse_maps(density, points, theta, stride=stride, size=size)
        assert fused.dtype == density.dtype
        expected = fused_count(by_density, by_points, theta).item()
        assert fused.double().sum().item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_the_fused_map_has_its_people_where_they_were():
    density, points = torch.ones(8, 8), torch.tensor([[1.5, 1.5], [7.5, 7.5], [7.5, 7.5]])
    by_cell = torch.full((16,), math.inf)
    by_cell[0] = 0.0  # the first 2 x 2 pixels are dense
    fused = fuse_maps(density, points, by_cell, stride=1, size=(8, 8))
    expected = torch.full((8, 8), 0.5)
    expected[:2, :2] = 1.0
    expected[7, 7] = 1.5
    assert torch.equal(fused, expected)


@settings(deadline=None, max_examples=30)
@given(size=sizes, stride=st.sampled_from([1, 3, 8]), number=st.integers(0, 50))
def test_dots_are_a_histogram(size, stride, number):
    points = random_points(number, size, number)
    dots = dot_map(points, stride=stride, size=size)
    edges = [np.arange(-(-side // stride) + 1) * stride for side in size]
    expected, _, _ = np.histogram2d(points[:, 1].numpy(), points[:, 0].numpy(), edges)
    np.testing.assert_array_equal(dots.numpy(), expected)


def test_dots_on_the_far_border_and_weights():
    points = torch.tensor([[20.0, 10.0], [0.0, 0.0]])
    dots = dot_map(points, stride=8, size=(10, 20), weights=torch.tensor([0.5, 2.0]))
    assert dots.tolist() == [[2.0, 0.0, 0.0], [0.0, 0.0, 0.5]]


def cells(seed, images, number=16):
    """Counts of cells: whole numbers, so that ties happen, and halves of people."""
    random = torch.Generator().manual_seed(seed)
    actual = torch.randint(0, 12, (images, number), generator=random).double()
    noise = torch.randint(-4, 5, (2, images, number), generator=random) / 2
    return (actual + noise[0]).clamp_min(0), (actual - noise[1].abs()).clamp_min(0).round(), actual


def error(density, localization, actual, theta):
    """Sum over cells, each cell fused alone."""
    fused = fused_count(density[..., None], localization[..., None], theta)
    return (fused - actual).abs().sum().item()


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**16), images=st.integers(1, 6))
def test_no_threshold_does_better(seed, images):
    training = cells(seed, images)
    theta = fit_theta(*training)
    assert theta.shape == ()
    best = error(*training, theta)
    # Means are multiples of 1/4, so these tell apart whatever a threshold can.
    tried = [-math.inf, *torch.arange(0, 20, 0.125).tolist(), math.inf]
    assert best == min(error(*training, each) for each in tried)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**16), images=st.integers(1, 6))
def test_a_threshold_for_each_cell_is_fitted_on_that_cell(seed, images):
    training = cells(seed, images)
    theta = fit_theta(*training, per_cell=True)
    alone = [fit_theta(*(each[:, [g]] for each in training)) for g in range(16)]
    assert torch.equal(theta, torch.stack(alone))
    one = fit_theta(*training)
    by_cell = [error(*(each[:, [g]] for each in training), theta[g]) for g in range(16)]
    assert sum(by_cell) <= error(*training, one) + 1e-9


def test_the_threshold_lies_half_way_between_sparse_and_dense():
    actual = torch.tensor([[1.0, 2.0, 20.0, 30.0]])
    density, points = actual + torch.tensor([1.0, 1, 0, 0]), actual - torch.tensor([1.0, 1, 4, 4])
    assert fit_theta(density, points, actual).item() == (2 + 18) / 2
    assert fit_theta(density, actual, actual).item() == pytest.approx((2.5 + 20) / 2)


def test_one_rule_for_all_cells_is_an_infinite_threshold():
    actual = torch.rand(4, 16, generator=torch.Generator().manual_seed(0)) * 9
    assert fit_theta(actual, actual / 2, actual).item() == -math.inf
    assert fit_theta(actual + 1, actual - 1, actual).item() == math.inf


def test_no_cells_are_refused():
    with pytest.raises(DataError, match="no training cells"):
        fit_theta(*[torch.zeros(0, 16)] * 3)


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu():
    training = cells(0, 6)
    here, there = fit_theta(*training), fit_theta(*(each.cuda() for each in training))
    assert there.is_cuda
    assert torch.equal(here, there.cpu())
    density = torch.rand(1, 1, 9, 7)
    by_cell = density_cells(density.cuda(), stride=8, size=(70, 51))
    assert by_cell.is_cuda
    torch.testing.assert_close(by_cell.cpu(), density_cells(density, stride=8, size=(70, 51)))
    points = random_points(9, (70, 51), 0)
    assert point_cells(points.cuda(), size=(70, 51)).is_cuda
    fused = fuse_maps(density[0, 0].cuda(), points.cuda(), 2.0, stride=8, size=(70, 51))
    assert fused.is_cuda
    here = fuse_maps(density[0, 0], points, 2.0, stride=8, size=(70, 51))
    torch.testing.assert_close(fused.cpu(), here)
