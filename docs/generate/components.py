"""Describe the installed components for the pages."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from crowdkit_core import create, list_components
from crowdkit_core.cli.network_facts import format_network
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import (
    Counter,
    DensityGenerator,
    Loss,
    MapSpec,
    Trainer,
    TrainingTask,
)
from crowdkit_core.losses import MSE
from crowdkit_core.networks.cost import measure_cost
from crowdkit_core.registry import Description, describe, load
from crowdkit_core.registry.options import dataclass_in, parameters
from crowdkit_core.testing.toys import ToyCounter, ToyDataset


@cache
def descriptions(kind: str) -> tuple[Description, ...]:
    """Every installed component of a kind."""
    return tuple(describe(kind, info.name) for info in list_components(kind))


@cache
def names(kind: str) -> tuple[str, ...]:
    """The names of a kind's components that can be made without an option, such as a file."""
    return tuple(each.name for each in descriptions(kind) if not each.needs_options)


def option_tables(description: Description) -> dict[str, type]:
    """The options of a component that are tables themselves, with their dataclasses."""
    factory = load(description.kind, description.name)
    found = {
        name: dataclass_in(option.annotation)
        for name, option in parameters(factory, description.name).items()
    }
    return {name: each for name, each in found.items() if each is not None}


class CounterFacts(NamedTuple):
    """What is to know of a counter that has been built with its default options.

    Attributes:
        outputs: The maps it gives.
        network: As `crowdkit info NAME --cost` prints it.
        missing: For each loss and localizer, by kind and name, what it needs in vain.
        refused: For each trainer, why it does not train it; empty if it does.
    """

    outputs: Mapping[str, MapSpec]
    network: str
    missing: Mapping[tuple[str, str], list[str]]
    refused: Mapping[str, str]

    @property
    def density_strides(self) -> list[int]:
        """Of all its density maps."""
        kinds = self.outputs.values()
        return sorted({each.stride for each in kinds if each.kind == "density"})


@cache
def made(kind: str, name: str) -> Any:
    """A component with its default options, to be looked at; for counters see `counter_facts`."""
    return create(kind, name)


@cache
def counter_facts(name: str) -> CounterFacts:
    """Build a counter, look, and let it go."""
    counter: Counter = create("counter", name)
    missing = {
        (kind, other): made(kind, other).missing(counter)
        for kind in ("loss", "localizer")
        for other in names(kind)
    }
    # Not refused for the loss's sake: by one that fits, where squared errors of a map do not.
    losses = (MSE(), *(made("loss", other) for other in names("loss")))
    loss = next((each for each in losses if not each.missing(counter)), MSE())
    refused = {}
    for trainer in names("trainer"):
        generator = made("density_generator", usual_generator(trainer))
        refused[trainer] = refusal(made("trainer", trainer), counter, generator, loss)
    cost = format_network(counter, measure_cost(counter), layers=False)
    return CounterFacts(dict(counter.outputs), cost, missing, refused)


def refusal(
    trainer: Trainer, counter: Counter, density_generator: DensityGenerator, loss: Loss
) -> str:
    """Why a trainer does not plan to train parts together; empty if it does."""
    task = TrainingTask(
        counter=counter, density_generator=density_generator, loss=loss, train=ToyDataset()
    )
    try:
        trainer.stages(task)
    except IncompatibleError as error:
        return error.message
    return ""


@cache
def usual_generator(trainer: str) -> str:
    """The name of one that a trainer takes, at any stride if there is such a one."""

    def taken(name: str) -> bool:
        generator = made("density_generator", name)
        return not refusal(made("trainer", trainer), ToyCounter(), generator, MSE())

    found = filter(taken, names("density_generator"))
    return min(found, key=lambda name: made("density_generator", name).strides is not None)


def anchor(name: str) -> str:
    """Of a heading that is a component's name."""
    return re.sub(r"[^a-z0-9-]", "", name.lower())
