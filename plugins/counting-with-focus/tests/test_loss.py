"""Squared and absolute error: their weights, and the magnitude of the maps."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from crowdkit_counting_with_focus.loss import MSEPlusMAE
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.data import collate
from crowdkit_core.density import Fixed
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, Points, Prediction, Sample, Size, Target
from crowdkit_core.testing import parametrize_with_checks

LOSSES = [create("loss", "mse-mae"), create("loss", "mse-mae", form="marunet", scale=3.0)]


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
