"""TEDNet's losses against numpy."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from crowdkit_tednet.loss import spatial_abstraction, spatial_decorrelation
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.density import Fixed
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, Prediction, Target
from crowdkit_core.testing import parametrize_with_checks

LOSSES = [
    create("loss", "spatial-abstraction"),
    create(
        "loss", "spatial-abstraction", levels=2, include_level_zero=True, correlation_weight=3.0
    ),
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


def pooled(density: NDArray[np.float64]) -> NDArray[np.float64]:
    """The greatest of each 2 x 2 cells; a last odd row or column alone."""
    rows, columns = density.shape
    even = np.pad(density, ((0, rows % 2), (0, columns % 2)), constant_values=-np.inf)
    quarters = [even[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return np.asarray(np.stack(quarters).max(0))


@pytest.mark.parametrize("include_level_zero", [False, True])
@pytest.mark.parametrize("shape", [(16, 24), (13, 7)])
def test_abstraction_against_numpy(shape: tuple[int, int], include_level_zero: bool) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, *shape))
    expected = ((x - y) ** 2).mean() if include_level_zero else 0.0
    level_x, level_y = x, y
    for _ in range(3):
        level_x, level_y = pooled(level_x), pooled(level_y)
        expected += ((level_x - level_y) ** 2).mean()
    maps = (torch.from_numpy(m)[None, None] for m in (x, y))
    found = spatial_abstraction(*maps, include_level_zero=include_level_zero)
    assert found.item() == pytest.approx(expected)


def test_correlation_is_the_cosine_of_the_maps() -> None:
    maps = torch.rand(2, 3, 1, 5, 4, generator=torch.Generator().manual_seed(3))
    cosine = torch.cosine_similarity(maps[0].flatten(1), maps[1].flatten(1))
    torch.testing.assert_close(spatial_decorrelation(*maps), 1 - cosine, rtol=1e-4, atol=1e-5)


def test_unlike_maps_correlate_not_at_all() -> None:
    left, right = torch.zeros(2, 1, 1, 4, 4)
    left[..., :2], right[..., 2:] = 1.0, 1.0
    assert spatial_decorrelation(left, right).item() == pytest.approx(1, abs=1e-5)


def test_terms_are_weighted() -> None:
    density, target = torch.rand(1, 1, 10, 14), target_of(PEOPLE)
    once = create("loss", "spatial-abstraction")(predicted(density), target)
    thrice = create("loss", "spatial-abstraction", correlation_weight=3.0)(
        predicted(density), target
    )
    torch.testing.assert_close(thrice.terms["correlation"], 3 * once.terms["correlation"])
    torch.testing.assert_close(thrice.terms["abstraction"], once.terms["abstraction"])


@pytest.mark.parametrize(("option", "value"), [("levels", 0), ("correlation_weight", -1.0)])
def test_bad_options_are_named(option: str, value: float) -> None:
    with pytest.raises(OptionsError, match=option):
        create("loss", "spatial-abstraction", **{option: value})
