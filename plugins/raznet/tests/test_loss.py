"""The three terms, against torch's and torchmetrics' own."""

from typing import Any

import pytest
import torch
from crowdkit_raznet.network import steady_sigmoid
from crowdkit_raznet.targets import attention_target, localization_labels
from torch.nn import functional as F
from torchmetrics.regression import MeanSquaredError

import crowdkit_core
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import MapSpec, Prediction, Target, require_fit
from crowdkit_core.testing import check_loss
from crowdkit_core.testing.toys import ToyCounter

SIZE = (32, 48)
POINTS = torch.rand(14, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([48.0, 32.0])
OFF = {"density": 0.0, "localization": 0.0, "attention": 0.0}


def make(**options: Any):
    return crowdkit_core.create("loss", "raz", **options)


def only(name: str, **options: Any):
    return make(**{**OFF, name: 1.0, **options})


def predicted(**maps):
    specs = {"localization": MapSpec("localization", 1), "attention": MapSpec("attention", 1)}
    density = torch.rand(1, 1, 4, 6, generator=torch.Generator().manual_seed(1))
    return Prediction(
        count=density.sum((1, 2, 3)), density=density, stride=8, maps=maps, outputs=specs
    )


@pytest.fixture
def target() -> Target:
    return Target([POINTS], SIZE, Fixed(sigma=3.0))


@pytest.mark.parametrize("options", [{}, {"density": 0.0}, {**OFF, "density": 2.0}])
def test_conformance(options) -> None:
    check_loss(make(**options))


def test_density_is_the_root_mean_squared_error_and_the_printed_equation(target) -> None:
    prediction = predicted()
    oracle = MeanSquaredError(squared=False)
    oracle.update(prediction.density, target.density(8))
    found = only("density")(prediction, target).total
    torch.testing.assert_close(found, oracle.compute())
    squares = (prediction.density - target.density(8)).square().sum()
    torch.testing.assert_close(found, 8 * (squares / (32 * 48)).sqrt())


@pytest.mark.parametrize("gamma", [100.0, 1.0])
def test_localization_is_the_weighted_cross_entropy_of_logits(target, gamma) -> None:
    logits = 3 * torch.randn(1, 1, *SIZE, generator=torch.Generator().manual_seed(2))
    labels = localization_labels(POINTS, SIZE).float()[None, None]
    wanted = F.binary_cross_entropy_with_logits(logits, labels, pos_weight=torch.tensor(gamma))
    found = only("localization", gamma=gamma)(predicted(localization=logits.sigmoid()), target)
    torch.testing.assert_close(found.total, wanted)


def test_surely_wrong_pixels_keep_the_gradient_of_their_logits(target) -> None:
    labels = localization_labels(POINTS, SIZE).float()[None, None]
    logits = (torch.tensor([-60.0, -20.0, 20.0, 60.0]).repeat(1, 1, SIZE[0], SIZE[1] // 4)).clone()
    logits.requires_grad_()
    exact = F.binary_cross_entropy_with_logits(logits, labels, pos_weight=torch.tensor(100.0))
    (wanted,) = torch.autograd.grad(exact, logits)
    loss = only("localization")(predicted(localization=steady_sigmoid(logits)), target).total
    (found,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6 * wanted.abs().max().item())


def test_attention_is_the_mean_squared_error(target) -> None:
    attention = torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(3))
    wanted = F.mse_loss(attention[0, 0], attention_target(POINTS, SIZE, sigma=5.0))
    found = only("attention", sigma=5.0)(predicted(attention=attention), target).total
    torch.testing.assert_close(found, wanted)


def test_terms_are_weighted_and_summed(target) -> None:
    maps = {name: torch.full((1, 1, *SIZE), 0.3) for name in ("localization", "attention")}
    alone = {name: only(name)(predicted(**maps), target).total for name in OFF}
    terms = make(density=2.0, localization=0.5, attention=3.0)(predicted(**maps), target)
    wanted = {"density": 2.0, "localization": 0.5, "attention": 3.0}
    assert terms.terms.keys() == wanted.keys()
    for name, weight in wanted.items():
        torch.testing.assert_close(terms.terms[name], weight * alone[name])


def test_a_perfect_density_has_finite_gradients(target) -> None:
    density = target.density(8).clone().requires_grad_()
    total = only("density")(Prediction.from_density(density, 8), target).total
    total.backward()
    assert total.item() < 1e-5
    assert density.grad.isfinite().all()


def test_sure_and_wrong_probabilities_cost_a_finite_amount(target) -> None:
    wrong = 1 - localization_labels(POINTS, SIZE).float()[None, None]
    total = only("localization")(predicted(localization=wrong), target).total
    assert total.isfinite()
    assert total > 50


@pytest.mark.parametrize("name", list(OFF))
def test_a_term_needs_its_map_alone(name) -> None:
    loss = only(name)
    assert loss.needs == (name,)
    counter = ToyCounter()
    require_fit(loss, counter)
    counter.outputs = {k: v for k, v in counter.outputs.items() if k != name}
    with pytest.raises(IncompatibleError, match=name):
        require_fit(loss, counter)


def test_a_prediction_without_its_map_is_refused(target) -> None:
    with pytest.raises(IncompatibleError, match="attention"):
        only("attention")(predicted(), target)


@pytest.mark.parametrize("options", [{"density": -1.0}, {"gamma": 0.0}, {"sigma": 0.0}, OFF])
def test_wrong_options_are_named(options) -> None:
    name = next(iter(options)) if len(options) == 1 else "every weight"
    with pytest.raises(OptionsError, match=name):
        make(**options)
