"""The terms by hand, and what becomes of images, crowds and precisions."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import crowdkit_core
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Loss, Prediction, Target
from crowdkit_core.testing import parametrize_with_checks

SIZE = (64, 96)
WEIGHTS = ("transport", "pixel", "point", "entropy")


def make(**options: Any) -> Loss:
    return crowdkit_core.create("loss", "generalized", **options)


def only(name: str, **options: Any) -> Loss:
    return make(**{each: float(each == name) for each in WEIGHTS}, **options)


def crowd(number: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(number, 2, generator=random) * torch.tensor([96.0, 64.0])


def target_of(*images: Tensor) -> Target:
    return Target(images, SIZE, Fixed(sigma=3.0))


def drawn(people: float = 20.0) -> Tensor:
    random = torch.Generator().manual_seed(3)
    density = torch.rand(1, 1, 8, 12, generator=random)
    return density * people / density.sum()


def predicted(density: Tensor) -> Prediction:
    return Prediction.from_density(density, 8)


@parametrize_with_checks(
    [make(), make(cost="exponential", point_norm="l2", pixel_norm="l1"), make(entropy=0.0)]
)
def test_conformance(component: Loss, check: Callable[[Loss], None]) -> None:
    check(component)


def alone() -> tuple[Tensor, Target]:
    """Two people in one cell of 96, the person on its centre: whatever is moved costs nothing."""
    density = torch.zeros(1, 1, 8, 12)
    density[..., 2, 3] = 2.0
    return density, target_of(torch.tensor([[28.0, 20.0]]))


def test_the_terms_of_one_cell_and_one_person_by_hand() -> None:
    """The plan is one number x, and scipy's or anybody's calculus finds it.

    x costs blur KL(x | 2) + reach KL(x | 2) + reach KL(x | 1), so that log x is the mean of log 2
    and log 1 with weights blur + reach and reach. All weights of the entropy have that same cost,
    so the few steps from large ones do not come quite so far.
    """
    blur, reach = 0.01, 0.5
    plan = 2 ** ((blur + reach) / (blur + 2 * reach))
    density, target = alone()
    settings = {"blur": blur, "reach": reach, "scaling": 0.999}
    terms = make(**settings, **dict.fromkeys(WEIGHTS, 1.0))(predicted(density), target).terms
    assert terms["pixel"].item() == pytest.approx((2 - plan) ** 2, rel=1e-2)
    assert terms["point"].item() == pytest.approx(plan - 1, rel=1e-2)
    assert terms["entropy"].item() == pytest.approx(plan * math.log(plan) / 96, rel=1e-2)
    absolute = make(**settings, pixel_norm="l1", point_norm="l2", pixel=1.0, point=1.0)
    terms = absolute(predicted(density), target).terms
    assert terms["pixel"].item() == pytest.approx(2 - plan, rel=1e-2)
    assert terms["point"].item() == pytest.approx((plan - 1) ** 2, rel=1e-2)


def test_the_plan_is_held_fixed_for_the_cells_and_not_for_the_points() -> None:
    density, target = alone()
    leaf = density.requires_grad_()
    loss = make(transport=0.0, pixel=1.0, point=1.0, entropy=0.0)
    terms = loss(predicted(leaf), target).terms
    pixel, point = (
        torch.autograd.grad(terms[name], leaf, retain_graph=True)[0][0, 0, 2, 3].item()
        for name in ("pixel", "point")
    )
    left = terms["pixel"].item() ** 0.5
    assert pixel == pytest.approx(2 * left, rel=1e-4)  # of (2 - x) squared
    assert point == pytest.approx((terms["point"].item() + 1) / 2, rel=1e-4)  # x is in proportion


def test_people_too_far_to_be_served_are_left() -> None:
    """At a price near reach for each side, which is then less than what moving would cost."""
    density = torch.zeros(1, 1, 8, 12)
    density[..., 0, 0] = 1.0
    far = target_of(torch.tensor([[92.0, 60.0]]))
    loss = make(unit=16.0, **dict.fromkeys(WEIGHTS, 1.0))
    terms = loss(predicted(density), far).terms
    assert terms["point"].item() == pytest.approx(1, abs=1e-3)
    assert terms["pixel"].item() == pytest.approx(1, abs=1e-3)
    assert terms["transport"].item() == pytest.approx(2 * (0.5 + 0.005), rel=0.05)


@pytest.mark.parametrize(("cost", "scale"), [("perspective", 0.5), ("exponential", 0.6)])
def test_half_the_unit_is_twice_the_scale(cost: str, scale: float) -> None:
    """The entropy then falls from twice the diameter, which slow steps forget."""
    density, target = drawn(), target_of(crowd(9))
    one = make(cost=cost, scaling=0.99)(predicted(density), target)
    other = make(cost=cost, scaling=0.99, unit=256.0, scale=2 * scale)(predicted(density), target)
    torch.testing.assert_close(one.total, other.total, rtol=1e-3, atol=0)


def test_the_grid_can_lie_where_it_was_published() -> None:
    """Half a cell right and down: points that lie so too are as good as others were."""
    density = drawn()
    points = crowd(12) * torch.tensor([0.9, 0.9])
    exact = make(cost="exponential")(predicted(density), target_of(points))
    moved = make(cost="exponential", grid_offset=0.5)
    shifted = moved(predicted(density), target_of(points + 4))
    torch.testing.assert_close(exact.total, shifted.total, rtol=1e-4, atol=1e-5)
    assert moved(predicted(density), target_of(points)).total != exact.total


def test_a_wrong_place_costs_less_at_the_bottom_where_people_are_large() -> None:
    """A density one cell beside its person, in the first row and in the last."""
    costs = []
    for row in (0, 7):
        density = torch.zeros(1, 1, 8, 12)
        density[..., row, 5] = 1.0
        point = torch.tensor([[52.0, 8 * row + 4.0]])
        loss = only("transport", unit=64.0)
        costs.append(loss(predicted(density), target_of(point)).total.item())
    assert costs[1] < costs[0]


def test_an_image_without_people_costs_its_sum_three_times() -> None:
    loss = make(**dict.fromkeys(WEIGHTS, 1.0))
    terms = loss(predicted(drawn(people=3.0)), target_of(torch.zeros(0, 2))).terms
    assert [round(terms[name].item(), 4) for name in WEIGHTS] == [3, 3, 3, 0]
    total = make()(predicted(drawn(people=3.0)), target_of(torch.zeros(0, 2))).total
    assert total.item() == pytest.approx(3 * (1 + 0.1 + 0.1), rel=1e-4)


@pytest.mark.parametrize("people", [1, 5000])
@pytest.mark.parametrize("mass", [0.0, 1e-6, 1.0, 1e5])
def test_any_crowd_and_any_density_have_a_finite_slope(people: int, mass: float) -> None:
    density = drawn(people=mass).requires_grad_()
    total = make()(predicted(density), target_of(crowd(people))).total
    (slope,) = torch.autograd.grad(total, density)
    assert total.isfinite()
    assert slope.isfinite().all()


def test_negative_cells_are_empty_and_pulled_back_to_nothing() -> None:
    density = drawn()
    density[..., 2, 3] = -0.5
    leaf = density.requires_grad_()
    terms = make()(predicted(leaf), target_of(crowd(9))).terms
    transported = torch.autograd.grad(terms["transport"], leaf, retain_graph=True)[0]
    errors = torch.autograd.grad(terms["pixel"], leaf)[0]
    assert transported[..., 2, 3] == 0
    assert errors[..., 2, 3].item() == pytest.approx(0.1 * 2 * -0.5)


def test_one_cell_with_a_person_on_its_centre() -> None:
    """Nothing lies apart, so that there is no diameter to begin with."""
    target = Target([torch.tensor([[4.0, 4.0]])], (8, 8), Fixed(sigma=3.0))
    assert make()(predicted(torch.ones(1, 1, 1, 1)), target).total.item() == pytest.approx(
        0, abs=1e-2
    )


def test_half_precision_is_left_before_the_logarithms() -> None:
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
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transport": -1.0}, "transport is -1.0"),
        (dict.fromkeys(WEIGHTS, 0.0), "every weight is 0"),
        ({"blur": 0.0}, r"blur is 0\.0"),
        ({"reach": math.inf}, "reach is inf"),
        ({"scale": 0.0}, r"scale is 0\.0"),
        ({"growth": -0.1}, r"growth is -0\.1"),
        ({"scaling": 1.0}, r"scaling is 1\.0"),
    ],
)
def test_bad_input_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        make(**options)


def test_a_pure_count_is_refused() -> None:
    with pytest.raises(IncompatibleError, match="'generalized' needs a density map"):
        make()(Prediction(count=torch.ones(1)), target_of(crowd(1)))
