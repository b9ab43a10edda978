"""Squared and absolute error: their weights, and the magnitude of the maps."""

from collections.abc import Callable

import pytest
import torch
from crowdkit_counting_with_focus.loss import MSEPlusMAE
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.density import Fixed
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, Prediction, Target
from crowdkit_core.testing import parametrize_with_checks

LOSSES = [create("loss", "mse-mae"), create("loss", "mse-mae", form="marunet", scale=3.0)]


@parametrize_with_checks(LOSSES)
def test_conformance(component: Loss, check: Callable[[Loss], None]) -> None:
    check(component)


SIZE = (40, 56)
PEOPLE = torch.rand(12, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([56.0, 40.0])
NOBODY = PEOPLE[:0]


def predicted(density: Tensor) -> Prediction:
    return Prediction.from_density(density, 4)


def target_of(points: Tensor) -> Target:
    return Target([points], SIZE, Fixed(sigma=3.0))


@pytest.mark.parametrize("points", [PEOPLE, NOBODY], ids=["crowd", "nobody"])
@pytest.mark.parametrize("loss", LOSSES)
def test_truth_costs_nothing(loss: Loss, points: Tensor) -> None:
    target = target_of(points)
    density = target.density(4).clone().requires_grad_()
    total = loss(predicted(density), target).total
    total.backward()
    assert total.item() == pytest.approx(0, abs=1e-5)
    assert density.grad is not None
    assert density.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # errors of hundredfold maps: 100, 0, 0, -50
        ({}, 0.5 * (100**2 + 50**2) / 4 + 10 * (100 + 50) / 4),
        # of fiftyfold maps: 50, 0, 0, -25
        ({"form": "marunet"}, (50**2 + 25**2) / 4 + 2 * (50 + 25) / 4),
        ({"scale": 2.0}, 0.5 * (2**2 + 1) / 4 + 10 * (2 + 1) / 4),
    ],
)
def test_hand_made_map(options: dict[str, str | float], expected: float) -> None:
    density = torch.tensor([[[[1.0, 0.0], [0.0, -0.5]]]])
    target = Target([torch.zeros(0, 2)], (8, 8), Fixed(sigma=3.0))
    terms = create("loss", "mse-mae", **options)(predicted(density), target)
    assert terms.total.item() == pytest.approx(expected)
    assert set(terms.terms) == {"mse", "mae"}


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_scale_must_be_positive(scale: float) -> None:
    with pytest.raises(OptionsError, match="must be positive"):
        MSEPlusMAE(scale=scale)
