"""The three terms by hand, and what becomes of images, crowds and precisions."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from crowdkit_dm_count.loss import total_variation, transport_cost
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import crowdkit_core
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Loss, Prediction, Target
from crowdkit_core.testing import parametrize_with_checks

SIZE = (64, 96)
WEIGHTS = ("count", "transport", "variation")


def make(**options: Any) -> Loss:
    return crowdkit_core.create("loss", "dm-count", **options)


def only(name: str, **options: Any) -> Loss:
    return make(**{each: float(each == name) for each in WEIGHTS}, **options)


def crowd(number: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(number, 2, generator=random) * torch.tensor([96.0, 64.0])


def target_of(*images: Tensor) -> Target:
    return Target(images, SIZE, Fixed(sigma=3.0))


def drawn(images: int = 1, people: float = 20.0) -> Tensor:
    random = torch.Generator().manual_seed(3)
    density = torch.rand(images, 1, 8, 12, generator=random)
    return density * people / density[0].sum()


def predicted(density: Tensor) -> Prediction:
    return Prediction.from_density(density, 8)


@parametrize_with_checks(
    [make(), make(coordinates="normalized"), make(transport=0.0), only("transport")]
)
def test_conformance(component: Loss, check: Callable[[Loss], None]) -> None:
    check(component)


def test_the_count_is_the_absolute_error() -> None:
    loss = only("count")(predicted(drawn(people=17.5)), target_of(crowd(20)))
    assert loss.total.item() == pytest.approx(2.5, rel=1e-4)


def test_variation_by_hand() -> None:
    """Two of three people in the first cell; the density is even over two cells."""
    target = target_of(torch.tensor([[1.0, 1.0], [2.0, 7.9], [95.0, 63.0]]))
    density = torch.zeros(1, 1, 8, 12)
    density[..., 0, 0] = density[..., 7, 11] = 5.0
    loss = only("variation")(predicted(density), target)
    assert loss.total.item() == pytest.approx(3 * (2 / 3 - 1 / 2 + 1 / 2 - 1 / 3), rel=1e-4)


@given(scale=st.floats(0.5, 50), seed=st.integers(0, 20))
def test_variation_is_of_distributions(scale: float, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    one, other = torch.rand(2, 4, 5, generator=random) + 0.01
    both = total_variation(one, other), total_variation(scale * one, other)
    torch.testing.assert_close(*both, rtol=1e-4, atol=1e-5)
    assert 0 <= both[0] <= 2


def test_a_distribution_does_not_change_with_its_mass() -> None:
    """The slope of a map by its own direction is nothing, so that only `count` sees the sum."""
    density = drawn().requires_grad_()
    cost = transport_cost(density[0, 0], crowd(20), cell=8.0)
    (slope,) = torch.autograd.grad(cost, density)
    assert (slope * density).sum().item() == pytest.approx(0, abs=1e-3)
    assert slope.abs().max() > 1


def test_following_the_slope_brings_density_to_the_people() -> None:
    """Also where the kernel knows nothing of them: beyond 32 pixels it is 0."""
    points = torch.tensor([[12.0, 12.0], [20.0, 12.0]])
    density = torch.full((1, 1, 8, 12), 2 / 96)
    loss, target = only("transport"), target_of(points)
    values = []
    for _ in range(200):
        density.requires_grad_()
        value = loss(predicted(density), target).total
        (slope,) = torch.autograd.grad(value, density)
        values.append(value.item())
        density = (density - 1e-4 * slope).detach().clamp_min(0)
    assert values[-1] < values[0]
    near = density[..., :3, :4].sum() / density.sum()
    assert near > 0.9


def test_negative_cells_are_empty_and_left_alone() -> None:
    density = drawn()
    density[..., 2, 3] = -0.5
    empty = density.clamp_min(0)
    loss, target = only("transport"), target_of(crowd(9))
    slopes = []
    for each in (density, empty):
        leaf = each.clone().requires_grad_()
        value = loss(predicted(leaf), target).total
        slopes.append((value.item(), torch.autograd.grad(value, leaf)[0]))
    assert slopes[0][0] == slopes[1][0]
    assert slopes[0][1][..., 2, 3] == 0
    assert slopes[1][1][..., 2, 3] < 0  # an empty cell would rather have somebody


def test_normalized_coordinates_are_halves_of_the_longer_side() -> None:
    density, target = drawn(), target_of(crowd(9))
    half = 48.0
    pixels = only("transport", regularization=10 * half**2)
    normalized = only("transport", coordinates="normalized")
    values = []
    for loss in (pixels, normalized):
        leaf = density.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(predicted(leaf), target).total, leaf)
        values.append(slope)
    # Both potentials are in the square of the unit, but for what the floor of 1e-16 adds.
    torch.testing.assert_close(values[0] / half**2, values[1], rtol=1e-3, atol=1e-5)


def test_an_image_without_people_costs_its_count() -> None:
    terms = make()(predicted(drawn(people=3.0)), target_of(torch.zeros(0, 2))).terms
    assert terms["count"].item() == pytest.approx(3, rel=1e-5)
    assert terms["transport"].item() == terms["variation"].item() == 0


@pytest.mark.parametrize("people", [1, 5000])
@pytest.mark.parametrize("mass", [0.0, 1e-6, 1.0, 1e5])
def test_any_crowd_and_any_density_have_a_finite_slope(people: int, mass: float) -> None:
    density = drawn(people=mass).requires_grad_()
    total = make()(predicted(density), target_of(crowd(people))).total
    (slope,) = torch.autograd.grad(total, density)
    assert total.isfinite()
    assert slope.isfinite().all()


def test_half_precision_is_left_before_the_kernel() -> None:
    density, target = drawn().bfloat16(), target_of(crowd(30))
    exact = make()(predicted(density.float()), target)
    with torch.autocast("cpu", torch.bfloat16):
        half = Prediction(count=density.sum((1, 2, 3)), density=density, stride=8)
        mixed = make()(half, target)
    assert mixed.total.dtype == torch.float32
    for name in WEIGHTS:
        torch.testing.assert_close(mixed.terms[name], exact.terms[name], rtol=0, atol=0)


def test_the_generator_plays_no_part() -> None:
    target = target_of(crowd(5))
    make()(predicted(drawn()), target)
    assert not target.strides


@pytest.mark.gpu
def test_a_gpu_gives_the_same_slope() -> None:
    slopes = []
    for device in ("cpu", "cuda"):
        leaf = drawn().to(device).requires_grad_()
        total = make()(predicted(leaf), target_of(crowd(30).to(device))).total
        slopes.append(torch.autograd.grad(total, leaf)[0].cpu())
    torch.testing.assert_close(*slopes, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transport": -1.0}, "transport is -1.0"),
        ({"count": 0.0, "transport": 0.0, "variation": 0.0}, "every weight is 0"),
        ({"regularization": 0.0}, r"regularization is 0\.0"),
        ({"iterations": 0}, "iterations 0"),
        ({"tolerance": float("nan")}, "tolerance nan"),
    ],
)
def test_bad_input_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        make(**options)


def test_a_pure_count_is_refused() -> None:
    with pytest.raises(IncompatibleError, match="'dm-count' needs a density map"):
        make()(Prediction(count=torch.ones(1)), target_of(crowd(1)))
