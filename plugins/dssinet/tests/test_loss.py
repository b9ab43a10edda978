"""DMS-SSIM against scipy's convolution."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from crowdkit_dssinet.loss import dms_ssim
from numpy.typing import NDArray
from scipy.ndimage import convolve
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.density import Fixed
from crowdkit_core.interfaces import Loss, Prediction, Target
from crowdkit_core.testing import parametrize_with_checks

LOSSES = [create("loss", "dms-ssim"), create("loss", "dms-ssim", pool_between_levels=True)]


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


def window(dilation: int) -> NDArray[np.float64]:
    taps = np.zeros(4 * dilation + 1)
    taps[::dilation] = np.exp(-(np.arange(-2, 3) ** 2) / 2)
    square = np.outer(taps, taps)
    return np.asarray(square / square.sum())


def mean_ssim(x: NDArray[np.float64], y: NDArray[np.float64], dilation: int) -> float:
    def local(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(convolve(values, window(dilation), mode="constant"))

    mean_x, mean_y = local(x), local(y)
    variance_x, variance_y = local(x * x) - mean_x**2, local(y * y) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    bottom = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float((top / bottom).mean())


@pytest.mark.parametrize("pool", [False, True])
def test_score_against_scipy(pool: bool) -> None:
    random = np.random.default_rng(0)
    y = random.random((48, 32)) ** 4
    x = np.clip(y + 0.1 * random.normal(size=y.shape), 0, None)
    maps = [torch.from_numpy(0.02 * m)[None, None] for m in (x, y)]
    x, y = (255 * m / y.max() for m in (x, y))
    expected = 1.0
    for level, (dilation, weight) in enumerate(
        [(1, 0.0448), (2, 0.2856), (3, 0.3001), (6, 0.2363), (9, 0.1333)]
    ):
        if pool and level:
            x, y = (m.reshape(m.shape[0] // 2, 2, m.shape[1] // 2, 2).mean((1, 3)) for m in (x, y))
        expected *= mean_ssim(x, y, dilation) ** weight
    found = dms_ssim(maps[0], maps[1], pool_between_levels=pool)
    assert 0.1 < expected < 0.99
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_scale_of_the_maps_plays_no_part() -> None:
    x, y = torch.rand(2, 1, 1, 20, 20, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(dms_ssim(x, y), dms_ssim(0.01 * x, 0.01 * y))


def test_opposite_maps_score_little_but_have_a_score() -> None:
    x = torch.rand(1, 1, 20, 20, generator=torch.Generator().manual_seed(5))
    score = dms_ssim(1 - x, x)
    assert 0 < score.item() < 0.01


def test_people_where_nobody_is_have_a_gradient() -> None:
    density = torch.full((1, 1, 10, 14), 0.05, requires_grad=True)
    create("loss", "dms-ssim")(predicted(density), target_of(NOBODY)).total.backward()
    assert density.grad is not None
    assert (density.grad > 0).all()
