"""Plans against POT's unbalanced solvers and scipy's minimiser, steps against GeomLoss."""

from itertools import pairwise

import numpy as np
import ot
import pytest
import torch
from crowdkit_generalized_loss.costs import Cost, exponential, perspective
from crowdkit_generalized_loss.transport import Transport, annealed, transport
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import kl_div
from torch import Tensor


def converged(
    cost: Tensor, mass: Tensor, people: Tensor, *, blur: float, reach: float
) -> Transport:
    """Thousands of steps of all but the same entropy."""
    hardly = {"diameter": blur * (1 + 4e-6), "scaling": 1 - 1e-9}
    return transport(cost, mass, people, blur=blur, reach=reach, **hardly)


def places(number: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(number, 2, generator=random, dtype=torch.float64)


def masses(number: int, seed: int) -> Tensor:
    return places(number, seed)[:, 0] + 0.05


def objective(plan: np.ndarray, cost: np.ndarray, a: np.ndarray, b: np.ndarray, found) -> float:
    """What the plan should have least of, with scipy's divergence."""
    entropy = kl_div(plan, a[:, None] * b).sum()
    marginals = kl_div(plan.sum(1), a).sum() + kl_div(plan.sum(0), b).sum()
    return (plan * cost).sum() + found.blur * entropy + found.reach * marginals


@pytest.mark.parametrize("blur", [0.05, 0.2])
@pytest.mark.parametrize("reach", [0.1, 5.0])
@pytest.mark.parametrize("cost", [exponential(0.6), perspective(0.5, 0.2)])
def test_the_plan_is_pots(blur: float, reach: float, cost: Cost) -> None:
    a, b = 3 * masses(9, 1), torch.ones(4, dtype=torch.float64)
    costs = cost(places(9, 2), places(4, 3))
    found = converged(costs, a, b, blur=blur, reach=reach)
    expected = ot.unbalanced.sinkhorn_unbalanced(
        a.numpy(),
        b.numpy(),
        costs.numpy(),
        reg=blur,
        reg_m=reach,
        reg_type="kl",
        numItermax=100_000,
        stopThr=1e-14,
    )
    torch.testing.assert_close(found.plan(a, b), torch.from_numpy(expected), rtol=1e-5, atol=1e-9)


def test_with_little_entropy_it_is_pots_without() -> None:
    """Majorisation-minimisation solves the same problem with no entropy at all."""
    a, b = masses(6, 1), torch.ones(3, dtype=torch.float64)
    costs = exponential(0.6)(places(6, 2), places(3, 3))
    found = transport(costs, a, b, blur=1e-3, reach=0.5, scaling=0.999, diameter=1.0)
    expected = ot.unbalanced.mm_unbalanced(
        a.numpy(), b.numpy(), costs.numpy(), reg_m=0.5, reg=0, div="kl", numItermax=100_000
    )
    torch.testing.assert_close(found.plan(a, b), torch.from_numpy(expected), rtol=0, atol=1e-2)


def test_plan_and_value_are_scipys() -> None:
    a, b = masses(3, 1), torch.ones(2, dtype=torch.float64)
    costs = perspective(0.5, 0.2)(places(3, 2), places(2, 3))
    found = converged(costs, a, b, blur=0.1, reach=0.5)
    arrays = costs.numpy(), a.numpy(), b.numpy()
    best = minimize(
        lambda logarithms: objective(np.exp(logarithms).reshape(3, 2), *arrays, found),
        np.log(np.full(6, 0.2)),
        jac="3-point",
        options={"gtol": 1e-10},
    )
    plan = torch.from_numpy(np.exp(best.x).reshape(3, 2))
    torch.testing.assert_close(found.plan(a, b), plan, rtol=1e-4, atol=1e-6)
    constant = found.blur * (a.sum() * b.sum() - (a.sum() + b.sum()) / 2)
    assert (found.value(a, b) + constant).item() == pytest.approx(best.fun, rel=1e-6)


def test_the_slope_is_the_problems_but_for_half_the_blur() -> None:
    """By differences of POT's least cost: the released slope leaves out blur P 1 / (2 a)."""
    blur, reach, step = 0.1, 0.5, 1e-5
    a, b = masses(5, 1), torch.ones(3, dtype=torch.float64)
    costs = exponential(0.6)(places(5, 2), places(3, 3))

    def least(mass: Tensor) -> float:
        problem = (mass.numpy(), b.numpy(), costs.numpy())
        options = {"reg_type": "kl", "numItermax": 100_000, "stopThr": 1e-15}
        plan = ot.unbalanced.sinkhorn_unbalanced(*problem, blur, reach, **options)
        shape = Transport(costs, mass, b, blur=blur, reach=reach)
        constant = blur * (mass.sum() * b.sum() - (mass.sum() + b.sum()) / 2).item()
        return objective(plan, problem[2], problem[0], problem[1], shape) - constant

    leaf = a.clone().requires_grad_()
    found = converged(costs, leaf, b, blur=blur, reach=reach)
    (slope,) = torch.autograd.grad(found.value(leaf, b), leaf)
    left_out = blur / 2 * found.plan(a, b).sum(1) / a
    for cell in range(5):
        moved = step * torch.eye(5, dtype=torch.float64)[cell]
        by_differences = (least(a + moved) - least(a - moved)) / (2 * step)
        assert (slope - left_out)[cell].item() == pytest.approx(by_differences, abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(cells=st.integers(1, 8), people=st.integers(1, 8), seed=st.integers(0, 99))
def test_potentials_held_fixed_the_terms_are_differentiated_exactly(cells, people, seed) -> None:
    mass, b = masses(cells, seed), masses(people, seed + 1)
    costs = exponential(0.6)(places(cells, seed + 2), places(people, seed + 3))
    found = transport(costs, mass, b, diameter=1.0)
    leaf = mass.requires_grad_()
    assert torch.autograd.gradcheck(lambda each: found.value(each, b), leaf)
    assert torch.autograd.gradcheck(lambda each: found.plan(each, b), leaf)


def test_empty_cells_and_crowds_are_finite() -> None:
    costs = exponential(0.6)(places(50, 0).float(), places(5000, 1).float())
    people = torch.ones(5000)
    for mass in (torch.zeros(50), torch.full((50,), 1e-12), torch.full((50,), 1e4)):
        found = transport(costs, mass, people, diameter=1.0)
        assert found.value(mass, people).isfinite()
        assert found.plan(mass, people).isfinite().all()


def test_the_few_steps_of_the_paper_are_geomlosss() -> None:
    """What GeomLoss 0.3.1 prints: far from converged, and one cell is empty.

    SamplesLoss("sinkhorn", p=1, blur=0.01, reach=0.5, scaling=0.5, debias=False,
    backend="tensorized", cost=...) with the perspective cost, in float64.
    """
    cells = torch.cartesian_prod(torch.tensor([4.0, 12.0]), torch.tensor([4.0, 12.0, 20.0]))
    cells = cells.flip(1).double() / 64
    points = torch.tensor([[6.0, 5.0], [19.0, 11.0]], dtype=torch.float64) / 64
    mass = torch.tensor([0.1, 0.4, 0.0, 0.25, 0.9, 0.05], dtype=torch.float64, requires_grad=True)
    people = torch.ones(2, dtype=torch.float64)
    box = float(torch.tensor([16.0, 8.0]).norm()) / 64
    found = transport(perspective(0.5, 0.2)(cells, points), mass, people, diameter=box)
    value = found.value(mass, people)
    (slope,) = torch.autograd.grad(value, mass)
    assert value.item() == pytest.approx(0.3510167720628458, rel=1e-6)
    assert found.cells.tolist() == pytest.approx(
        [-0.040881775, 0.089268416, 0.096869637, 0.126576469, 0.090923310, -0.092262236], abs=1e-7
    )
    assert found.points.tolist() == pytest.approx([0.113788973, 0.136716152], abs=1e-7)
    assert slope.tolist() == pytest.approx(
        [-0.043025588, 0.082570910, 0.088944296, 0.112943685, 0.083966750, -0.102336438], abs=1e-7
    )


# -- costs and steps ------------------------------------------------------------------------------


def test_costs_by_hand() -> None:
    cells, points = torch.tensor([[0.0, 0.0], [0.3, 0.4]]), torch.tensor([[0.0, 0.0]])
    expected = np.expm1(0.5 / 0.6)
    assert exponential(0.6)(cells, points).flatten().tolist() == pytest.approx([0, expected])
    expected = np.expm1(0.5 / (0.5 + 0.2 * 0.2))  # the mean row of both is 0.2
    assert perspective(0.5, 0.2)(cells, points).flatten().tolist() == pytest.approx([0, expected])


def test_a_distance_costs_less_further_down_the_image() -> None:
    near, far = (torch.tensor([[0.0, row], [0.1, row]]) for row in (0.9, 0.1))
    cost = perspective(0.5, 0.2)
    assert cost(near[:1], near[1:]) < cost(far[:1], far[1:])


@given(first=st.floats(0.02, 5), scaling=st.floats(0.1, 0.9))
def test_weights_fall_from_first_to_last(first: float, scaling: float) -> None:
    weights = annealed(first, 0.01, scaling)
    assert weights[0] == weights[1] == first
    assert weights[-1] == 0.01
    assert all(low <= high for high, low in pairwise(weights))
