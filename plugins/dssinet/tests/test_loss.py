"""DMS-SSIM against scipy's convolution."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from crowdkit_dssinet.loss import dms_ssim
from numpy.typing import NDArray
from scipy.ndimage import convolve
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.data import collate
from crowdkit_core.density import Fixed
from crowdkit_core.interfaces import Loss, Points, Prediction, Sample, Size, Target
from crowdkit_core.testing import parametrize_with_checks

LOSSES = [create("loss", "dms-ssim"), create("loss", "dms-ssim", pool_between_levels=True)]


@parametrize_with_checks(LOSSES)
def test_conformance(component: Loss, check: Callable[[Loss], None]) -> None:
    check(component)


SIZES: tuple[Size, ...] = ((40, 56), (30, 64), (33, 23))


def predicted(density: Tensor, stride: int = 4) -> Prediction:
    return Prediction(count=density.sum((1, 2, 3)), density=density, stride=stride)


def samples() -> list[Sample]:
    """Twelve people; nine, four of them maybe outside a region; nobody."""
    random = torch.Generator().manual_seed(0)
    images = []
    for size, people in zip(SIZES, (12, 9, 0), strict=True):
        xy = torch.rand(people, 2, generator=random) * torch.tensor([size[1], size[0]])
        points = Points(xy, canvas_size=size)
        images.append(Sample(name=str(size), image=torch.zeros(3, *size), points=points))
    roi = torch.ones(SIZES[1], dtype=torch.bool)
    roi[:, 37:] = False
    images[1] = replace(images[1], roi=roi)
    return images


def target_of(images: list[Sample]) -> Target:
    return Target.from_batch(collate(images), Fixed(sigma=3.0))


@pytest.mark.parametrize("loss", LOSSES)
def test_padded_batch_is_the_mean_of_its_images(loss: Loss) -> None:
    density = torch.rand(3, 1, 10, 16, generator=torch.Generator().manual_seed(1))
    together = loss(predicted(density), target_of(samples())).total
    alone = []
    for i, sample in enumerate(samples()):
        rows, columns = (-(-side // 4) for side in sample.size)
        single = predicted(density[i : i + 1, :, :rows, :columns])
        alone.append(loss(single, target_of([sample])).total)
    torch.testing.assert_close(together, torch.stack(alone).mean())


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients(loss: Loss) -> None:
    random = torch.Generator().manual_seed(2)
    density = torch.rand(3, 1, 10, 16, generator=random, dtype=torch.float64)
    target = target_of(samples())
    assert torch.autograd.gradcheck(
        lambda d: loss(predicted(d), target).total, density.requires_grad_(), fast_mode=True
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_nobody_predicted_where_nobody_is(loss: Loss) -> None:
    density = torch.zeros(1, 1, 9, 6, requires_grad=True)
    total = loss(predicted(density), target_of(samples()[2:])).total
    total.backward()
    assert total.item() == pytest.approx(0, abs=1e-6)
    assert density.grad is not None
    assert density.grad.isfinite().all()


@pytest.mark.parametrize("loss", LOSSES)
def test_truth_costs_nothing(loss: Loss) -> None:
    target = target_of(samples())
    shares = target.shares(4)
    assert shares is not None
    truth = target.density(4) / shares.where(shares > 0, 1.0)
    assert loss(predicted(truth), target).total.item() == pytest.approx(0, abs=1e-5)


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
    density = torch.full((1, 1, 9, 6), 0.05, requires_grad=True)
    create("loss", "dms-ssim")(predicted(density), target_of(samples()[2:])).total.backward()
    assert density.grad is not None
    assert (density.grad > 0).all()
