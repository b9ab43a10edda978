"""Scalings against POT's Sinkhorn, and by hand where the kernel underflows."""

import math

import numpy as np
import ot
import pytest
import torch
from crowdkit_dm_count.loss import transport_cost
from crowdkit_dm_count.sinkhorn import FLOOR, GaussianKernel, sinkhorn
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

CELL = 8.0


def masses(*shape: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    drawn = torch.rand(*shape, generator=random, dtype=torch.float64) + 0.1
    return drawn / drawn.sum()


def people(number: int, height: float, width: float, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    frame = torch.tensor([width, height], dtype=torch.float64)
    return torch.rand(number, 2, generator=random, dtype=torch.float64) * frame


def squared_distances(points: Tensor, shape: tuple[int, int]) -> np.ndarray:
    """(N, cells), by POT."""
    rows, columns = (np.arange(cells) * CELL + CELL / 2 for cells in shape)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return ot.dist(points.numpy(), np.stack([x.ravel(), y.ravel()], 1), metric="sqeuclidean")


def plan(kernel: GaussianKernel, u: Tensor, v: Tensor) -> Tensor:
    """(N, cells)."""
    whole = kernel.rows[:, :, None] * kernel.columns[:, None, :]
    return (u[:, None, None] * whole * v).flatten(1)


@settings(max_examples=20, deadline=None)
@given(
    number=st.integers(1, 12),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_the_kernel_is_the_gaussian_of_all_pairs(number, rows, columns, seed) -> None:
    points = people(number, CELL * rows, CELL * columns, seed)
    kernel = GaussianKernel.between(points, (rows, columns), cell=CELL, regularization=30.0)
    whole = torch.from_numpy(np.exp(squared_distances(points, (rows, columns)) / -30.0))
    values, of_points = masses(rows, columns, seed=seed), masses(number, seed=seed)
    torch.testing.assert_close(kernel.onto_points(values), whole @ values.flatten())
    torch.testing.assert_close(kernel.onto_cells(of_points).flatten(), of_points @ whole)


@pytest.mark.parametrize(("rows", "columns", "number"), [(3, 4, 5), (5, 2, 1), (1, 1, 3)])
def test_plan_and_potentials_are_pots(rows: int, columns: int, number: int) -> None:
    """Where nothing underflows, the floor of 1e-16 is next to nothing."""
    regularization = 400.0
    points = people(number, CELL * rows, CELL * columns)
    a, b = torch.full((number,), 1 / number, dtype=torch.float64), masses(rows, columns)
    cost = squared_distances(points, (rows, columns))
    expected, log = ot.sinkhorn(
        a.numpy(),
        b.flatten().numpy(),
        cost,
        regularization,
        numItermax=2000,
        stopThr=1e-13,
        log=True,
    )
    kernel = GaussianKernel.between(
        points, (rows, columns), cell=CELL, regularization=regularization
    )
    found = sinkhorn(kernel, a, b, iterations=2000, tolerance=0.0)
    torch.testing.assert_close(
        plan(kernel, found.points, found.cells), torch.from_numpy(expected), rtol=1e-7, atol=1e-12
    )
    # Potentials are unique up to a constant that goes from one to the other.
    alpha, beta = (each.flatten().numpy() for each in found.potentials(regularization))
    by_pot = regularization * np.log(log["u"]), regularization * np.log(log["v"])
    constant = by_pot[0][0] - alpha[0]
    np.testing.assert_allclose(alpha + constant, by_pot[0], atol=1e-5)
    np.testing.assert_allclose(beta - constant, by_pot[1], atol=1e-5)


def test_cost_and_gradient_are_those_of_the_regularised_problem() -> None:
    """POT's plan costs what the value says; its derivative by differences is the gradient."""
    regularization, shape = 400.0, (3, 4)
    points = people(5, 24.0, 32.0)
    cost = squared_distances(points, shape)

    def by_pot(density: np.ndarray) -> float:
        share = density.ravel() / density.sum()
        a = np.full(5, 0.2)
        best = ot.sinkhorn(a, share, cost, regularization, numItermax=5000, stopThr=1e-14)
        return (best * cost).sum() + regularization * (best * np.log(best)).sum()

    density = 7 * masses(*shape)
    leaf = density.clone().requires_grad_()
    found = transport_cost(
        leaf, points, cell=CELL, regularization=regularization, iterations=5000, tolerance=0.0
    )
    (gradient,) = torch.autograd.grad(found, leaf)
    assert found.item() == pytest.approx(by_pot(density.numpy()), rel=1e-5)
    step = 1e-4
    for cell in np.ndindex(shape):
        moved = np.zeros(shape)
        moved[cell] = step
        slope = (by_pot(density.numpy() + moved) - by_pot(density.numpy() - moved)) / (2 * step)
        assert gradient[cell].item() == pytest.approx(slope, abs=2e-3)


# -- where the kernel underflows ------------------------------------------------------------------

FAR = 1000
"""Cells from one to the next that the kernel knows nothing of: 8000 pixels."""


@pytest.mark.parametrize("iterations", [1, 7, 30])
def test_a_cell_far_from_everyone_by_hand(iterations: int) -> None:
    """One person on the centre of the first cell, which has a share p of the mass.

    K is 1 there and 0 in the last cell. Each step then multiplies u by 1 / p and v by p, starting
    with u = 1: the person asks for more than the cell has. The far cell's v is its mass / 1e-16.
    """
    share = 0.8
    cells = torch.zeros(1, FAR)
    cells[0, 0], cells[0, -1] = share, 1 - share
    kernel = GaussianKernel.between(
        torch.tensor([[4.0, 4.0]]), (1, FAR), cell=CELL, regularization=10.0
    )
    assert kernel.columns[0, 0] == 1
    assert kernel.columns[0, -1] == 0
    found = sinkhorn(kernel, torch.ones(1), cells, iterations=iterations)
    assert found.points.item() == pytest.approx(share**-iterations, rel=1e-3)
    assert found.cells[0, 0].item() == pytest.approx(share**iterations, rel=1e-3)
    assert found.cells[0, -1].item() == pytest.approx((1 - share) / FLOOR, rel=1e-4)
    _, beta = found.potentials(10.0)
    assert beta[0, 0].item() == pytest.approx(10 * iterations * math.log(share), rel=1e-3)
    assert beta[0, -1].item() == pytest.approx(10 * math.log((1 - share) / FLOOR), rel=1e-4)
    assert beta[0, 5].item() == pytest.approx(10 * math.log(FLOOR), rel=1e-4)  # an empty cell


def test_the_slope_of_far_cells_is_flat() -> None:
    """So it is in the released code, where a log-domain solver's grows with the distance."""
    density = torch.full((1, 40), 0.5, requires_grad=True)
    cost = transport_cost(density, torch.tensor([[4.0, 4.0]]), cell=CELL)
    (gradient,) = torch.autograd.grad(cost, density)
    assert gradient[0, 0] < 0 < gradient[0, 10]
    torch.testing.assert_close(gradient[0, 10], gradient[0, 39])


def test_it_ends_where_the_tolerance_is_met_at_a_tenth_step() -> None:
    points = people(4, 16.0, 24.0).float()
    cells = masses(2, 3).float()
    kernel = GaussianKernel.between(points, (2, 3), cell=CELL, regularization=20.0)
    a = torch.full((4,), 0.25)
    ten, twenty = (sinkhorn(kernel, a, cells, iterations=n, tolerance=0.0) for n in (10, 20))
    early = sinkhorn(kernel, a, cells, iterations=100, tolerance=1.0)
    assert torch.equal(early.cells, ten.cells)
    assert not torch.equal(ten.cells, twenty.cells)


@pytest.mark.parametrize("number", [1, 5000])
def test_scalings_are_finite_whatever_the_crowd(number: int) -> None:
    points = people(number, 24.0, 24.0).float()
    cells = masses(32, 32).float()
    kernel = GaussianKernel.between(points, (32, 32), cell=CELL, regularization=10.0)
    found = sinkhorn(kernel, torch.full((number,), 1 / number), cells)
    for scaling in (found.points, found.cells):
        assert scaling.isfinite().all()
        assert scaling.max() <= 1 / FLOOR
