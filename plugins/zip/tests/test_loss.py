"""The four terms against scipy's Poisson distribution, torch's cross entropy and hand sums."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from crowdkit_zip.loss import SCALES, blocks_of, multiscale_error, poisson_cost
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln
from scipy.stats import poisson
from torch import Tensor
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.data import collate
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import (
    Loss,
    MapSpec,
    Points,
    Prediction,
    Sample,
    Target,
    require_fit,
)
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.testing.toys import ToyCounter

BINS = (1, 2, 4)
NOTHING = {"likelihood": 0.0, "classification": 0.0, "multiscale": 0.0, "count": 0.0}
SIZE = (24, 40)  # 3 x 5 blocks of 8 pixels
CROWD = [(1.0, 1.0)] * 5 + [(9.5, 2.0), (39.0, 23.0), (39.5, 23.0)]
COUNTS = [[5, 1, 0, 0, 0], [0] * 5, [0, 0, 0, 0, 2]]


def make(**options: Any) -> Loss:
    return crowdkit_core.create("loss", "zip", **options)


def only(name: str, **options: Any) -> Loss:
    return make(**{**NOTHING, name: 1.0, **options})


@parametrize_with_checks(
    [
        make(),
        make(likelihood=0.0, count=2.0),
        make(classification=0.0, scales=(1, 3)),
        make(zero_inflated=False, classification=0.0),
    ]
)
def test_conformance(component: Loss, check: Callable[[Loss], None]) -> None:
    check(component)


def predicted(
    images: int = 1, *, rows: int = 3, columns: int = 5, bins: tuple[int, ...] = BINS
) -> Prediction:
    random = torch.Generator().manual_seed(5)

    def draw(channels: int) -> Tensor:
        return torch.rand(images, channels, rows, columns, generator=random)

    maps = {"bins": 3 * draw(len(bins)), "rate": 4 * draw(1), "attention": draw(1)}
    density = maps["rate"] * maps["attention"]
    outputs = {name: MapSpec("rate", 8) for name in ("density", "rate", "attention")}
    outputs["bins"] = MapSpec("bins", 8, len(bins), bins)
    return replace(Prediction.from_density(density, 8, maps=maps), outputs=outputs)


@pytest.fixture
def target() -> Target:
    return Target([torch.tensor(CROWD)], SIZE, Fixed(sigma=3.0))


def total(loss: Loss, prediction: Prediction, target: Target) -> float:
    return loss(prediction, target).total.item()


# -- likelihood ---------------------------------------------------------------------------------


@settings(max_examples=60)
@given(rate=st.floats(0.05, 40), possible=st.floats(0.01, 1), count=st.integers(0, 30))
def test_cost_is_the_logarithm_of_the_zero_inflated_probability(rate, possible, count) -> None:
    probability = possible * poisson.pmf(count, rate) + (1 - possible) * (count == 0)
    exact = [torch.tensor(each, dtype=torch.float64) for each in (rate, count, possible)]
    constant = gammaln(count + 1)
    # What is added to the logarithms' arguments is next to nothing above this.
    if probability > 1e-4:
        found = poisson_cost(*exact).item() + constant
        assert found == pytest.approx(-np.log(probability), abs=1e-3)


@settings(max_examples=30)
@given(rate=st.floats(0.05, 40), count=st.integers(0, 30))
def test_cost_without_inflation_is_the_poisson_distributions(rate, count) -> None:
    found = poisson_cost(*(torch.tensor(each, dtype=torch.float64) for each in (rate, count)))
    expected = -poisson.logpmf(count, rate) - gammaln(count + 1)
    assert found.item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


@given(rate=st.floats(0.1, 20), possible=st.floats(0.0, 0.999))
def test_an_empty_block_costs_less_where_it_may_hold_nobody(rate, possible) -> None:
    empty = torch.tensor(0.0)
    cost = poisson_cost(torch.tensor(rate), empty, torch.tensor(possible))
    assert cost <= poisson_cost(torch.tensor(rate), empty) + 1e-6


def test_the_likelihood_is_the_sum_over_blocks(target: Target) -> None:
    prediction = predicted()
    rate, attention = (prediction.maps[name].numpy()[0, 0] for name in ("rate", "attention"))
    counts = np.array(COUNTS)
    probability = attention * poisson.pmf(counts, rate) + (1 - attention) * (counts == 0)
    expected = (-np.log(probability) - gammaln(counts + 1)).sum()
    assert total(only("likelihood"), prediction, target) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_sure_and_wrong_blocks_cost_a_finite_amount(sure: float, target: Target) -> None:
    prediction = predicted()
    attention = torch.full_like(prediction.maps["attention"], sure).requires_grad_()
    maps = {**prediction.maps, "attention": attention}
    loss = make()(replace(prediction, maps=maps), target).total
    (slope,) = torch.autograd.grad(loss, attention)
    assert loss.isfinite()
    assert slope.isfinite().all()


def test_the_best_rate_of_a_block_is_its_count() -> None:
    rates = torch.linspace(0.1, 9, 90)
    best = poisson_cost(rates, torch.full_like(rates, 5.0), torch.ones_like(rates)).argmin()
    assert rates[best].item() == pytest.approx(5, abs=0.06)


# -- the other terms ----------------------------------------------------------------------------


def test_classification_is_cross_entropy_of_blocks_with_people(target: Target) -> None:
    prediction = predicted()
    logits = prediction.maps["bins"]
    wanted = {(0, 0): 2, (0, 1): 0, (2, 4): 1}
    expected = sum(
        F.cross_entropy(logits[0, :, row, column], torch.tensor(label)).item()
        for (row, column), label in wanted.items()
    )
    assert total(only("classification"), prediction, target) == pytest.approx(expected, rel=1e-5)


def test_plain_classification_is_of_all_blocks(target: Target) -> None:
    labels = torch.tensor(COUNTS).apply_(lambda n: 0 if n == 0 else 1 if n < 3 else 2)
    prediction = predicted(bins=(0, 1, 3))
    expected = F.cross_entropy(prediction.maps["bins"], labels[None], reduction="sum").item()
    loss = only("classification", zero_inflated=False)
    assert total(loss, prediction, target) == pytest.approx(expected, rel=1e-5)


def test_the_plain_likelihood_is_that_of_the_density(target: Target) -> None:
    prediction = predicted(bins=(0, 1, 3))
    counts = np.array(COUNTS)
    expected = -poisson.logpmf(counts, prediction.density.numpy()[0, 0]) - gammaln(counts + 1)
    loss = only("likelihood", zero_inflated=False)
    assert total(loss, prediction, target) == pytest.approx(expected.sum(), rel=1e-5)


def test_multiscale_error_by_hand() -> None:
    difference = torch.zeros(1, 1, 4, 8)
    difference[0, 0, 0, 0], difference[0, 0, 3, 3], difference[0, 0, 1, 5] = 4.0, -4.0, 1.0
    # Every block; means over 2 x 2; means over 4 x 4, where the first two cancel out.
    expected = 0.25 * 9 + 0.5 * (1 + 1 + 0.25) + 1.0 * (1 / 16)
    assert multiscale_error(difference).item() == pytest.approx(expected)


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    scale=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_errors_of_one_sign_weigh_by_their_scale_alone(rows, columns, scale, seed) -> None:
    """Nothing cancels out, and no square at the border loses anybody."""
    random = torch.Generator().manual_seed(seed)
    difference = torch.rand(2, 1, rows, columns, generator=random, dtype=torch.float64)
    found = multiscale_error(difference, (scale,))
    torch.testing.assert_close(found, difference.sum((1, 2, 3)) / scale**2)


def test_the_count_term_is_the_absolute_error_of_the_count(target: Target) -> None:
    prediction = predicted()
    expected = abs(prediction.count.item() - len(CROWD))
    assert total(only("count"), prediction, target) == pytest.approx(expected, rel=1e-5)


def test_terms_are_weighted_and_added_up(target: Target) -> None:
    prediction = predicted()
    weights = {"likelihood": 0.5, "classification": 3.0, "multiscale": 2.0, "count": 0.25}
    terms = make(**weights)(prediction, target)
    assert list(terms.terms) == list(weights)
    for name, weight in weights.items():
        alone = total(only(name), prediction, target)
        assert terms.terms[name].item() == pytest.approx(weight * alone, rel=1e-5)
    assert terms.total.item() == pytest.approx(sum(t.item() for t in terms.terms.values()))


def test_the_generator_plays_no_part(target: Target) -> None:
    make()(predicted(), target)
    assert not target.strides


def test_the_scales_are_the_papers_unless_told_otherwise() -> None:
    assert make().scales == SCALES == (1, 2, 4)


# -- people, padding and regions ----------------------------------------------------------------


def test_coincident_people_are_several(target: Target) -> None:
    assert blocks_of(target, 8).tolist() == [[COUNTS]]


def test_blocks_of_a_padded_batch_are_those_of_its_images() -> None:
    samples = []
    for size, xy in (((24, 40), CROWD), ((9, 11), [(10.5, 8.5), (0.0, 0.0)])):
        points = Points(torch.tensor(xy), canvas_size=size)
        samples.append(Sample(name=str(size), image=torch.zeros(3, *size), points=points))
    counts = blocks_of(Target.from_batch(collate(samples), Fixed(sigma=3.0)), 8)
    assert counts[0, 0].tolist() == COUNTS
    assert counts[1, 0, :2, :2].tolist() == [[1, 0], [0, 1]]
    assert counts[1].sum() == 2


@pytest.mark.parametrize("zero_inflated", [True, False])
def test_nothing_beyond_the_region_counts(zero_inflated: bool) -> None:
    roi = torch.zeros(1, *SIZE, dtype=torch.bool)
    roi[..., :16] = True
    inside = Target([torch.tensor(CROWD)], SIZE, Fixed(sigma=3.0), roi=roi)
    cropped = Target([torch.tensor(CROWD[:6])], (24, 16), Fixed(sigma=3.0))
    prediction = predicted(bins=BINS if zero_inflated else (0, *BINS))
    part = replace(
        prediction,
        density=prediction.density[..., :2],
        maps={name: each[..., :2] for name, each in prediction.maps.items()},
    )
    loss = make(zero_inflated=zero_inflated)
    assert total(loss, prediction, inside) == pytest.approx(total(loss, part, cropped), rel=1e-5)


def test_a_block_half_inside_has_half_of_its_rate() -> None:
    roi = torch.zeros(1, 8, 8, dtype=torch.bool)
    roi[..., :4] = True
    target = Target([torch.tensor([[1.0, 1.0]] * 3)], (8, 8), Fixed(sigma=3.0), roi=roi)
    prediction = predicted(rows=1, columns=1)
    rate, attention = (prediction.maps[name].item() for name in ("rate", "attention"))
    expected = -np.log(attention * poisson.pmf(3, rate / 2)) - gammaln(4)
    assert total(only("likelihood"), prediction, target) == pytest.approx(expected, rel=1e-5)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_terms() -> None:
    torch.manual_seed(0)
    counter = crowdkit_core.create("counter", "zip", block_size=8).eval()
    images = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    points = [torch.tensor(CROWD), torch.zeros(0, 2)]
    here = make()(counter(images), Target(points, (64, 96), Fixed(sigma=3.0)))
    there = make()(
        counter.cuda()(images.cuda()),
        Target([each.cuda() for each in points], (64, 96), Fixed(sigma=3.0)),
    )
    for name, term in here.terms.items():
        torch.testing.assert_close(there.terms[name].cpu(), term, rtol=1e-2, atol=1e-2)


# -- what it needs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "needs"),
    [
        ({}, {"density", "bins", "rate", "attention"}),
        ({"likelihood": 0.0}, {"density", "bins"}),
        ({"classification": 0.0}, {"density", "rate", "attention"}),
        ({"zero_inflated": False}, {"density", "bins"}),
        ({"likelihood": 0.0, "classification": 0.0}, {"density"}),
    ],
)
def test_each_term_needs_its_own_maps(options, needs) -> None:
    assert set(make(**options).needs) == needs


@pytest.mark.parametrize("name", ["density", "bins", "rate", "attention"])
def test_a_counter_without_a_map_is_refused(name: str) -> None:
    counter = ToyCounter()
    counter.outputs = {key: spec for key, spec in counter.outputs.items() if key != name}
    with pytest.raises(IncompatibleError, match=name):
        require_fit(make(), counter)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bins": MapSpec("bins", 4, 3, (0, 1, 2))}, r"'bins' from 1 on .*\(0, 1, 2\)"),
        ({"bins": MapSpec("classes", 4, 3)}, "'bins' from 1 on"),
        ({"rate": MapSpec("rate", 8)}, "maps of one stride .*'rate': 8"),
    ],
)
def test_maps_of_another_meaning_are_refused_before_the_first_step(changed, message) -> None:
    counter = ToyCounter()
    counter.outputs = {**counter.outputs, **changed}
    with pytest.raises(IncompatibleError, match=message):
        require_fit(make(), counter)


def test_a_counter_and_a_loss_that_differ_in_inflation_are_refused() -> None:
    for zero_inflated in (True, False):
        counter = crowdkit_core.create("counter", "zip", zero_inflated=zero_inflated)
        require_fit(make(zero_inflated=zero_inflated), counter)
        with pytest.raises(IncompatibleError, match="'zip'"):
            require_fit(make(zero_inflated=not zero_inflated), counter)


def test_a_prediction_whose_maps_do_not_fit_is_refused(target: Target) -> None:
    prediction = predicted()
    with pytest.raises(IncompatibleError, match="needs a map named 'bins'"):
        make()(replace(prediction, outputs={}), target)
    with pytest.raises(IncompatibleError, match="needs a map named 'rate'"):
        make()(replace(prediction, maps={"bins": prediction.maps["bins"]}), target)
    with pytest.raises(IncompatibleError, match="needs a density map"):
        make()(Prediction(count=torch.ones(1)), target)
    outputs = {**prediction.outputs, "bins": MapSpec("bins", 8, 3, (0, 1, 2))}
    with pytest.raises(IncompatibleError, match="'bins' from 1 on"):
        make()(replace(prediction, outputs=outputs), target)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": -1.0}, "count is -1.0"),
        ({"likelihood": float("nan")}, "likelihood is nan"),
        (NOTHING, "every weight is 0"),
        ({"scales": []}, r"scales is \[\]"),
        ({"scales": [0, 2]}, r"scales is \[0, 2\]"),
    ],
)
def test_wrong_options_are_named(options, message) -> None:
    with pytest.raises(OptionsError, match=message):
        make(**options)
