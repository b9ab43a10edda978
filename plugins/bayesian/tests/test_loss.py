"""The Bayesian loss against loops over people and cells."""

from collections.abc import Callable
from math import dist, exp
from typing import Any

import pytest
import torch
from crowdkit_bayesian import loss as module
from crowdkit_bayesian.loss import Bayesian, expected_counts, visible_fractions
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.data import collate, measure_lengths
from crowdkit_core.data.transforms import crop, resize
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Loss, Points, Prediction, Sample, Size, Target
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.testing.toys import ToyDataset

LOSSES = [create("loss", "bayesian"), create("loss", "bayesian", background=False, sigma=5.0)]


@parametrize_with_checks(LOSSES)
def test_conformance(component: Loss, check: Callable[[Loss], None]) -> None:
    check(component)


def predicted(density: Tensor, stride: int = 4) -> Prediction:
    return Prediction(count=density.sum((1, 2, 3)), density=density, stride=stride)


def measured(loss: Loss, xy: Tensor, size: Size) -> Sample:
    points = Points(xy, canvas_size=size)
    lengths = loss.measure(xy, size)
    return Sample(name=str(size), image=torch.zeros(3, *size), points=points, lengths=lengths)


def target_of(images: list[Sample]) -> Target:
    return Target.from_batch(collate(images), Fixed(sigma=3.0))


def by_loops(
    density: list[list[float]],
    people: list[tuple[float, float]],
    stride: int,
    sigma: float,
    margin: float | None,
) -> list[float]:
    counts = [0.0] * (len(people) + (margin is not None))
    for i, row in enumerate(density):
        for j, persons in enumerate(row):
            centre = ((j + 0.5) * stride, (i + 0.5) * stride)
            distances = [dist(centre, person) for person in people]
            if margin is not None:
                distances.append(margin / min(distances))
            likelihoods = [exp(-(d**2) / (2 * sigma**2)) for d in distances]
            for n, likelihood in enumerate(likelihoods):
                counts[n] += persons * likelihood / sum(likelihoods)
    return counts


@pytest.mark.parametrize("margin", [None, 40.0, 300.0])
@pytest.mark.parametrize("stride", [1, 8])
def test_expected_counts_against_loops(stride: int, margin: float | None) -> None:
    random = torch.Generator().manual_seed(3)
    density = torch.rand(7, 9, generator=random, dtype=torch.float64)
    points = torch.rand(6, 2, generator=random, dtype=torch.float64) * 9 * stride
    expected = by_loops(density.tolist(), [(x, y) for x, y in points.tolist()], stride, 8.0, margin)
    found = expected_counts(density, points, stride=stride, margin=margin)
    assert found.tolist() == pytest.approx(expected, rel=1e-5)


@settings(max_examples=25)
@given(
    people=st.integers(1, 30),
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    margin=st.none() | st.floats(1, 1000),
    sigma=st.floats(0.5, 30),
    seed=st.integers(0, 99),
)
def test_nobody_is_lost(
    people: int, rows: int, columns: int, margin: float | None, sigma: float, seed: int
) -> None:
    random = torch.Generator().manual_seed(seed)
    density = torch.rand(rows, columns, generator=random)
    points = torch.rand(people, 2, generator=random) * 1000
    counts = expected_counts(density, points, stride=8, sigma=sigma, margin=margin)
    torch.testing.assert_close(counts.sum(), density.sum())


def test_chunks_change_nothing_and_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(4)
    density = torch.rand(17, 20, generator=random, dtype=torch.float64, requires_grad=True)
    points = torch.rand(50, 2, generator=random, dtype=torch.float64) * 150
    weights = torch.rand(51, generator=random, dtype=torch.float64)
    whole = expected_counts(density, points, stride=8, margin=90.0)
    (slope,) = torch.autograd.grad(whole @ weights, density)

    sizes = []
    posterior = module._posterior

    def watched(*arguments: Any) -> tuple[Tensor, Tensor | None]:
        made = posterior(*arguments)
        sizes.append(made[0].numel())
        return made

    monkeypatch.setattr(module, "_posterior", watched)
    monkeypatch.setattr(module, "_CHUNK", 3000)
    counts = expected_counts(density, points, stride=8, margin=90.0)
    torch.testing.assert_close(counts, whole)
    torch.testing.assert_close(torch.autograd.grad(counts @ weights, density)[0], slope)
    assert len(sizes) > 4
    assert max(sizes) <= 3000


def test_far_cells_belong_to_somebody() -> None:
    """Where every likelihood rounds to zero."""
    points = torch.tensor([[4.0, 4.0], [12.0, 4.0]])
    density = torch.zeros(1, 300)
    density[0, -1] = 2.0
    assert expected_counts(density, points, stride=8).tolist() == pytest.approx([0, 2])
    with_background = expected_counts(density, points, stride=8, margin=100.0)
    assert with_background.tolist() == pytest.approx([0, 0, 2])


def test_visible_fraction_counts_pixels() -> None:
    points = torch.tensor([[10.0, 10.0], [1.0, 3.0], [20.0, 15.0], [30.0, 40.0]])
    sides = torch.tensor([6.0, 8.0, 4.0, 2.0])
    boxes = zip(points.int().tolist(), sides.int().tolist(), strict=True)
    canvas = torch.zeros(4, 60, 60)
    for n, ((x, y), side) in enumerate(boxes):
        top, left = y - side // 2 + 10, x - side // 2 + 10
        canvas[n, top : top + side, left : left + side] = 1
    inside = canvas[:, 10:25, 10:30].sum((1, 2)) / canvas.sum((1, 2))
    torch.testing.assert_close(visible_fractions(points, sides, (15, 20)), inside)


def test_hand_made_crop() -> None:
    """Five people 20 apart on a line; the window cuts the second at its centre."""
    loss = Bayesian(background=False)
    xy = torch.tensor([[20.0 + 20 * n, 40.0] for n in range(5)])
    whole = measured(loss, xy, (80, 120))
    # mean distances to three neighbours: (20+40+60)/3 at the ends, then 80/3, then 80/3 within
    boxes = [40, 80 / 3, 80 / 3, 80 / 3, 40]
    assert whole.lengths["bayesian_box"].tolist() == pytest.approx(boxes)

    part = crop(whole, 8, 40, (64, 80))
    nothing = predicted(torch.zeros(1, 1, 16, 20))
    # halves of the second are cut off, of the fifth 40 / 40 remain: x 60 + 20 <= 80
    assert loss(nothing, target_of([part])).total.item() == pytest.approx(0.5 + 1 + 1 + 1)


def test_barely_visible_people_are_left_out() -> None:
    loss = Bayesian(background=False)
    whole = measured(loss, torch.tensor([[50.0, 50.0], [20.0, 20.0], [20.0, 80.0]]), (100, 100))
    part = crop(whole, 49, 49, (40, 40))  # a little more than a quarter of one head
    density = torch.full((1, 1, 10, 10), 0.07)
    assert len(part.points) == 1
    assert loss(predicted(density), target_of([part])).total.item() == pytest.approx(7)


def test_lengths_follow_a_resize() -> None:
    loss = Bayesian(ratio=0.5)
    xy = torch.rand(6, 2, generator=torch.Generator().manual_seed(6)) * 90
    half = resize(measured(loss, xy, (90, 120)), (45, 60))
    whole = loss.measure(xy, (90, 120))
    torch.testing.assert_close(half.lengths["bayesian_box"], whole["bayesian_box"] / 2)
    assert half.lengths["bayesian_margin"].tolist() == pytest.approx([0.5 * 45] * 6)


def test_heads_are_between_4_and_128_pixels_wide() -> None:
    crowded = torch.tensor([[10.0 + n / 10, 10.0] for n in range(9)])
    sparse = torch.tensor([[0.0, 0.0], [900.0, 0.0], [0.0, 900.0], [900.0, 900.0]])
    assert Bayesian().measure(crowded, (999, 999))["bayesian_box"].tolist() == [4.0] * 9
    assert Bayesian().measure(sparse, (999, 999))["bayesian_box"].tolist() == [128.0] * 4


@pytest.mark.parametrize("background", [False, True])
def test_dots_in_the_right_cells_cost_nothing(background: bool) -> None:
    loss = Bayesian(background=background)
    xy = torch.tensor([[68.0, 68.0], [188.0, 68.0], [68.0, 188.0], [188.0, 188.0]])
    density = torch.zeros(1, 1, 32, 32)
    for x, y in xy.int().tolist():
        density[0, 0, y // 8, x // 8] = 1
    target = target_of([measured(loss, xy, (256, 256))])
    assert loss(predicted(density, 8), target).total.item() == pytest.approx(0, abs=1e-5)
    assert loss(predicted(2 * density, 8), target).total.item() == pytest.approx(4, rel=1e-4)


def test_background_should_be_empty() -> None:
    xy = torch.tensor([[36.0, 36.0]])
    density = torch.zeros(1, 1, 32, 32)
    density[0, 0, 4, 4], density[0, 0, 30, 30] = 1, 3
    for loss in (Bayesian(), Bayesian(background=False)):
        target = target_of([measured(loss, xy, (256, 256))])
        assert loss(predicted(density, 8), target).total.item() == pytest.approx(3, rel=1e-4)
    density[0, 0, 4, 4] = 0  # one person and two too many, or nobody and three too many
    with_background = Bayesian()(predicted(density, 8), target).total.item()
    without = Bayesian(background=False)(predicted(density, 8), target).total.item()
    assert (with_background, without) == (pytest.approx(4, rel=1e-4), pytest.approx(2, rel=1e-4))


def test_without_people_it_is_the_predicted_count() -> None:
    target = target_of([measured(Bayesian(), torch.zeros(0, 2), (16, 16))])
    density = torch.zeros(1, 1, 4, 4, requires_grad=True)
    nothing = Bayesian()(predicted(density), target).total
    nothing.backward()
    assert nothing.item() == 0
    assert density.grad is not None
    assert density.grad.isfinite().all()
    assert Bayesian()(predicted(density + 0.5), target).total.item() == 8


def test_training_measures_whole_images() -> None:
    dataset = ToyDataset()
    lengths = measure_lengths(dataset, Bayesian())
    assert [len(each["bayesian_box"]) for each in lengths] == [
        len(dataset.annotation(i).points) for i in range(len(dataset))
    ]


def test_unmeasured_images_are_taken_to_be_whole() -> None:
    loss = Bayesian()
    xy = torch.rand(9, 2, generator=torch.Generator().manual_seed(7)) * 60
    density = torch.rand(1, 1, 16, 16)
    unmeasured = Target([xy], (64, 64), Fixed(sigma=3.0))
    torch.testing.assert_close(
        loss(predicted(density), unmeasured).total,
        loss(predicted(density), target_of([measured(loss, xy, (64, 64))])).total,
    )


@pytest.mark.parametrize("option", ["ratio", "sigma"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_bad_options_are_named(option: str, value: float) -> None:
    with pytest.raises(OptionsError, match=option):
        create("loss", "bayesian", **{option: value})


def test_pure_count_is_refused() -> None:
    with pytest.raises(IncompatibleError, match="needs a density map"):
        Bayesian()(
            Prediction(count=torch.ones(1)),
            target_of([measured(Bayesian(), torch.rand(3, 2), (16, 16))]),
        )
