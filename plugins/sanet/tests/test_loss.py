"""SANet's loss against scipy's Gaussian filter."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from crowdkit_sanet.loss import EuclideanSSIM
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.data import collate
from crowdkit_core.density import Fixed
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, Points, Prediction, Sample, Size, Target
from crowdkit_core.testing import parametrize_with_checks

LOSSES = [
    create("loss", "euclidean-ssim"),
    create("loss", "euclidean-ssim", ssim_weight=1.0, scale=9.0),
]


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
    target = target_of(samples()[:1])
    terms = EuclideanSSIM(scale=scale)(predicted(density), target).terms
    x, y = (scale * m[0, 0].double().numpy() for m in (density, target.density(4)))
    assert terms["euclidean"].item() == pytest.approx(((x - y) ** 2).mean(), rel=1e-4)
    assert terms["ssim"].item() == pytest.approx(1e-3 * (1 - mean_ssim(x, y)), rel=1e-4)


@pytest.mark.parametrize(("option", "value"), [("ssim_weight", -1.0), ("scale", 0.0)])
def test_bad_options_are_named(option: str, value: float) -> None:
    with pytest.raises(OptionsError, match=option):
        create("loss", "euclidean-ssim", **{option: value})
