"""SANet's loss against scipy's Gaussian filter."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from crowdkit_sanet.loss import EuclideanSSIM
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.density import Fixed
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, Prediction, Target
from crowdkit_core.testing import parametrize_with_checks

LOSSES = [
    create("loss", "euclidean-ssim"),
    create("loss", "euclidean-ssim", ssim_weight=1.0, scale=9.0),
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


def blurred(density: NDArray[np.float64]) -> NDArray[np.float64]:
    """11 taps of deviation 1.5, zeros beyond the border."""
    return np.asarray(gaussian_filter(density, 1.5, mode="constant", radius=5))


def mean_ssim(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    mean_x, mean_y = blurred(x), blurred(y)
    variance_x, variance_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    top = (2 * mean_x * mean_y + 0.01**2) * (2 * covariance + 0.03**2)
    bottom = (mean_x**2 + mean_y**2 + 0.01**2) * (variance_x + variance_y + 0.03**2)
    return float((top / bottom).mean())


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_terms_against_scipy(scale: float) -> None:
    density = torch.rand(1, 1, 10, 14, generator=torch.Generator().manual_seed(4))
    target = target_of(PEOPLE)
    terms = EuclideanSSIM(scale=scale)(predicted(density), target).terms
    x, y = (scale * m[0, 0].double().numpy() for m in (density, target.density(4)))
    assert terms["euclidean"].item() == pytest.approx(((x - y) ** 2).mean(), rel=1e-4)
    assert terms["ssim"].item() == pytest.approx(1e-3 * (1 - mean_ssim(x, y)), rel=1e-4)


@pytest.mark.parametrize(("option", "value"), [("ssim_weight", -1.0), ("scale", 0.0)])
def test_bad_options_are_named(option: str, value: float) -> None:
    with pytest.raises(OptionsError, match=option):
        create("loss", "euclidean-ssim", **{option: value})
