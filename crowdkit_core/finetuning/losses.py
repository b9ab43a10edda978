"""Choose the loss that a counter is trained on with."""

from collections.abc import Mapping
from typing import Any

from crowdkit_core.errors import IncompatibleError
from crowdkit_core.finetuning.parent import Parent
from crowdkit_core.interfaces import Counter, Loss
from crowdkit_core.registry import create
from crowdkit_core.registry.lookup import installed

FOR_DENSITY = "mse"
"""For counters with a density map of which nothing else is known."""


def chosen_loss(parent: Parent) -> Mapping[str, Any]:
    """The section of a recipe for the loss.

    It is the one the weights were trained with, as their card or the recipe of their run says;
    else the loss that has the counter's name, if it is installed and fits; else `mse` for a counter
    with a density map.

    Raises:
        IncompatibleError: None of them.
    """
    if parent.trained_with is not None:
        return parent.trained_with.loss
    counter = parent.model.counter
    for name in (counter.registered_name, FOR_DENSITY):
        if name in installed("loss") and _fits(create("loss", name), counter):
            return {"name": name}
    raise IncompatibleError(
        f"nobody says with which loss {parent.name} was trained, and no loss that "
        f"{counter.label} is usually trained with fits it",
        hint="choose one: --set loss.name=NAME (`crowdkit list loss`)",
    )


def _fits(loss: Loss, counter: Counter) -> bool:
    return not loss.missing(counter)
