"""Every counter learns from every generator's maps by every loss, or is refused before a step.

All parts come from the registry: a new one is mixed with the others from the day it is installed.
By default each pair of parts that go together trains for one step, and each part for twenty, or
for five if it is large. ``make mixes`` trains every three that go together: for twenty steps, after
which the loss has fallen, or for one if they are large.
"""

import tomllib
from functools import lru_cache
from itertools import combinations, product
from pathlib import Path

import pytest
import torch

from crowdkit_core import create, list_components
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import TrainingTask
from crowdkit_core.testing import check_mix
from crowdkit_core.testing.toys import ToyDataset
from crowdkit_core.training import OptimizationSettings, Supervised

QUICKER = tomllib.loads((Path(__file__).parents[1] / "quicker.toml").read_text())
COUNTERS, GENERATORS, LOSSES = (
    sorted(info.name for info in list_components(kind) if info.name != "onnx")  # needs a file
    for kind in ("counter", "density_generator", "loss")
)
EXAMPLES = ToyDataset(length=2, size=(32, 32))
STEPS = 20
LARGE = 10_000_000
"""Parameters from which the default tests take fewer steps."""
SUPERVISED = Supervised(
    optimization=OptimizationSettings(learning_rate=1e-5, options={"fused": True})
)


def made(kind, name):
    torch.manual_seed(0)
    return create(kind, name, **QUICKER.get(kind, {}).get(name, {}))


@lru_cache(maxsize=1)
def first_weights(name):
    """A counter and its weights; tests come counter by counter."""
    counter = made("counter", name)
    return counter, {name: each.clone() for name, each in counter.state_dict().items()}


def parts(mix):
    """A counter with the same weights each time, a density generator and a loss."""
    counter, weights = first_weights(mix[0])
    counter.load_state_dict(weights)
    return counter, made("density_generator", mix[1]), made("loss", mix[2])


def plan(trainer, counter, generator, loss):
    task = TrainingTask(counter=counter, density_generator=generator, loss=loss, train=EXAMPLES)
    return trainer.stages(task)


def refusal(act, *arguments):
    """The error that names what does not fit; None if all fits."""
    try:
        act(*arguments)
    except IncompatibleError as error:
        return error
    return None


def mixes():
    """Those that a trainer takes, and those it refuses with the error; (counter, generator, loss).

    A loss may refuse a generator when it is fitted, which also comes before the first step.
    """
    generators = [made("density_generator", name) for name in GENERATORS]
    losses = [made("loss", name) for name in LOSSES]
    unfitted = {}
    for generator, loss in product(generators, losses):
        generator.fit(EXAMPLES)
        unfitted[generator, loss] = refusal(loss.fit, EXAMPLES, generator)
    fit, unfit = {}, {}
    for name in COUNTERS:
        counter = made("counter", name)
        for pair in product(generators, losses):
            names = tuple(part.origin.name for part in (counter, *pair))
            if error := refusal(plan, SUPERVISED, counter, *pair) or unfitted[pair]:
                unfit[names] = error
            else:
                fit[names] = sum(p.numel() for part in (counter, *pair) for p in part.parameters())
    return fit, unfit


def covering(fit, size, begun=()):
    """Few and light mixes in which any ``size`` parts that go together meet.

    Args:
        fit: The number of parameters of each mix.
        size: 1, 2 or 3.
        begun: Mixes that are there already, and are not among those returned.
    """

    def groups(mix):
        return set(combinations(enumerate(mix), size))

    missing, chosen = set().union(*map(groups, fit)), []
    missing -= set().union(*map(groups, begun))
    while missing:
        chosen.append(max(fit, key=lambda mix: (len(groups(mix) & missing), -fit[mix])))
        missing -= groups(chosen[-1])
    return sorted(chosen)


FIT, UNFIT = mixes()
SMALL = {mix: parameters for mix, parameters in FIT.items() if parameters < LARGE}
EACH = covering(SMALL, 1)
REST = covering(FIT, 1, begun=EACH)
PAIRS = covering(FIT, 2, begun=EACH + REST)
LEARNABLE = [name for name in GENERATORS if list(made("density_generator", name).parameters())]


@pytest.mark.parametrize(
    ("mix", "steps"),
    [(mix, STEPS) for mix in EACH]
    + [(mix, STEPS // 4) for mix in REST]
    + [pytest.param(mix, STEPS, marks=pytest.mark.slow) for mix in REST],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else str(value),
)
def test_the_loss_falls(mix, steps):
    check_mix(*parts(mix), trainer=SUPERVISED, steps=steps)


@pytest.mark.parametrize("mix", PAIRS, ids="-".join)
def test_every_two_parts_train_together(mix):
    check_mix(*parts(mix), trainer=SUPERVISED)


@pytest.mark.slow
@pytest.mark.parametrize("mix", sorted(FIT), ids="-".join)
def test_every_three_parts_train_together(mix):
    check_mix(*parts(mix), trainer=SUPERVISED, steps=STEPS if mix in SMALL else 1)


@pytest.mark.parametrize("name", LEARNABLE)
def test_the_loss_falls_while_a_generator_learns(name):
    mix = min((mix for mix in FIT if mix[1:] == (name, "mse")), key=FIT.get)
    trainers = [create("trainer", info.name) for info in list_components("trainer")]
    able = [each for each in trainers if trains_generator(each, *parts(mix))]
    assert able, "no trainer of density generators is installed"
    for trainer in able:
        check_mix(*parts(mix), trainer=trainer, steps=STEPS)


def trains_generator(trainer, counter, generator, loss):
    if refusal(plan, trainer, counter, generator, loss):
        return False
    stage = plan(trainer, counter, generator, loss)[0].build({})
    owned = {
        id(parameter)
        for each in stage.optimizations().values()
        for group in each.optimizer.param_groups
        for parameter in group["params"]
    }
    return any(id(parameter) in owned for parameter in generator.parameters())


def test_refusals_name_two_parts_and_say_what_to_do():
    """Nothing was ever run to find them."""
    for mix, error in UNFIT.items():
        assert sum(repr(name) in error.message for name in mix) >= 2, f"{mix}: {error}"
        assert error.hint, f"{mix}: {error}"


def test_a_loss_that_reads_other_maps_is_refused():
    assert {mix[0] for mix in UNFIT if mix[2] == "raz"} >= {"mcnn", "csrnet", "cfanet"}


@pytest.mark.parametrize(("position", "names"), list(enumerate((COUNTERS, GENERATORS, LOSSES))))
def test_every_part_is_mixed_with_others(position, names):
    assert {mix[position] for mix in (*EACH, *REST, *PAIRS)} == set(names)
