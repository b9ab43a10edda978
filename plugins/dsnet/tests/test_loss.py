"""Density levels against sums over slices."""

from collections.abc import Callable
from dataclasses import replace
from math import ceil, floor

import numpy as np
import pytest
import torch
from crowdkit_dsnet.loss import density_level_inconsistency
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.data import collate
from crowdkit_core.density import Fixed
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss, Points, Prediction, Sample, Size, Target
from crowdkit_core.testing import parametrize_with_checks

LOSSES = [
    create("loss", "multi-scale-consistency"),
    create("loss", "multi-scale-consistency", consistency_weight=1.0, grids=(3,)),
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
