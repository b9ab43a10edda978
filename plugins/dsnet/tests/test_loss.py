"""Density levels against sums over slices."""

from collections.abc import Callable
from math import ceil, floor

import numpy as np
import pytest
import torch
from crowdkit_dsnet.loss import density_level_inconsistency
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.density import Fixed
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, Prediction, Target
from crowdkit_core.testing import parametrize_with_checks

LOSSES = [
    create("loss", "multi-scale-consistency"),
    create("loss", "multi-scale-consistency", consistency_weight=1.0, grids=(3,)),
]


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


def level_errors(difference: NDArray[np.float64], parts: int) -> list[float]:
    """Absolute mean error of each part; parts of a map that does not divide overlap."""
    rows, columns = (
        [slice(floor(i * side / parts), ceil((i + 1) * side / parts)) for i in range(parts)]
        for side in difference.shape
    )
    return [abs(difference[row, column].mean()) for row in rows for column in columns]


@pytest.mark.parametrize("shape", [(8, 16), (7, 10), (2, 3)])
def test_consistency_against_slices(shape: tuple[int, int]) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, *shape))
    expected = sum(sum(level_errors(x - y, parts)) / parts**2 for parts in (1, 2, 4))
    maps = (torch.from_numpy(m)[None, None] for m in (x, y))
    assert density_level_inconsistency(*maps).item() == pytest.approx(expected)


def test_region_of_whole_parts_is_like_an_image_of_its_own() -> None:
    x, y = torch.rand(2, 1, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    shares = torch.zeros(1, 1, 8, 8)
    shares[..., :4, :] = 1
    inside = density_level_inconsistency(x * shares, y * shares, shares, grids=(1,))
    alone = density_level_inconsistency(x[..., :4, :], y[..., :4, :], grids=(1,))
    torch.testing.assert_close(inside, alone)


def test_terms() -> None:
    density = torch.full((1, 1, 4, 4), 0.5)
    target = Target([torch.zeros(0, 2)], (16, 16), Fixed(sigma=3.0))
    terms = create("loss", "multi-scale-consistency")(predicted(density), target).terms
    assert terms["mse"].item() == pytest.approx(0.25)
    assert terms["consistency"].item() == pytest.approx(1000 * 3 * 0.5)


@pytest.mark.parametrize(
    ("option", "value"), [("consistency_weight", -1.0), ("grids", ()), ("grids", (2, 0))]
)
def test_bad_options_are_named(option: str, value: float | tuple[int, ...]) -> None:
    with pytest.raises(OptionsError, match=option):
        create("loss", "multi-scale-consistency", **{option: value})
