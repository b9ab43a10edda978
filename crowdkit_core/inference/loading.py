"""From weights to a model that counts."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from crowdkit_core.cards import Located, locate, locate_default
from crowdkit_core.errors import UsageError
from crowdkit_core.inference.chosen_localizer import localizer_for
from crowdkit_core.inference.interval import Calibration, read_calibration
from crowdkit_core.inference.known import Known
from crowdkit_core.inference.model import Model
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.inference.sources import Reading
from crowdkit_core.interfaces import Counter
from crowdkit_core.registry import create
from crowdkit_core.registry.lookup import settled
from crowdkit_core.weights import read_weights


def load_model(
    weights: str | Path | None = None,
    *,
    counter: str | None = None,
    options: Mapping[str, Any] | None = None,
    device: torch.device | str | None = None,
) -> Model:
    """A model from weights.

    Weights with a card count images in the sizes they were trained on, with the intervals that the
    card has numbers for; so do files that say it themselves. Of other files nothing is known: their
    counters see images in their own size and give no intervals. Points are found by the localizer
    that `crowdkit tune localizer` chose for the weights, where it did. The counter is computed as
    this machine does it quickest without a change of the count above a thousandth (`Model.way`).

    Args:
        weights: A file, the name of a card, or a file of the hub (`crowdkit_core.cards.locate`);
            None for the installed weights that count people by default.
        counter: Which counter, where the weights do not say it.
        options: The counter's options.
        device: Where to count; None for the CPU.

    Raises:
        UsageError: There are no such weights, or nobody says which counter they belong to.
        WeightsError: The file cannot be fetched or read, or does not fit the counter.
        DataError: The localizer beside the weights was chosen for other ones.
    """
    if weights is None and counter is not None:
        raise UsageError(
            "a counter without weights cannot count",
            hint="add --weights FILE; `crowdkit train` writes best.safetensors in its run folder",
        )
    located = locate_default() if weights is None else locate(weights)
    return model_at(located, counter=counter, options=options, device=device)


def model_at(
    located: Located,
    *,
    counter: str | None = None,
    options: Mapping[str, Any] | None = None,
    device: torch.device | str | None = None,
) -> Model:
    """A model from weights that are here; arguments and errors as of `load_model`."""
    known = Known.of(located)
    return Model(
        counter=_counter_at(located, counter, options or {}),
        sizing=known.sizing,
        calibration=known.calibration,
        localizer=localizer_for(located, known.card),
        device=device,
        way="auto",
        weights=known.weights,
        things=known.things,
        card=known.card,
        reading=Reading(value_range=known.value_range),
    )


def load_counter(weights: str | Path, name: str | None, options: Mapping[str, Any]) -> Counter:
    """A counter with weights; arguments and errors as of `load_model`."""
    return _counter_at(locate(weights), name, options)


def counter_of(located: Located, name: str | None) -> str:
    """The counter that weights belong to: as named, or as their card or file says.

    Raises:
        UsageError: None says it.
        WeightsError: The file cannot be read.
    """
    if name:
        return name
    if located.card is not None:
        return settled("counter", located.card.counter, located.packages)
    file = read_weights(located.path)
    if not file.component:
        raise UsageError(
            f"{located.path} does not say which counter it is for", hint="add --counter NAME"
        )
    return settled("counter", file.component, [file.distribution])


def with_sizing(model: Model, sizing: Sizing) -> Model:
    """The same model counting in other sizes, without the intervals made for the former ones."""
    known = model.calibration
    kept = known is not None and known.sizing in ("", sizing.described())
    return replace(model, sizing=sizing, calibration=known if kept else None)


def with_calibration(model: Model, calibration: Calibration | str | Path) -> Model:
    """The same model with intervals from a calibration, or from the file of one.

    Raises:
        DataError: The file is no calibration.
        UsageError: It was made with other weights or other sizes.
    """
    if not isinstance(calibration, Calibration):
        calibration = read_calibration(calibration)
    calibration.require_made_for(weights=model.weights, sizing=model.sizing.described())
    return replace(model, calibration=calibration)


def _counter_at(located: Located, name: str | None, options: Mapping[str, Any]) -> Counter:
    made: Counter = create("counter", counter_of(located, name), **options, weights=located.path)
    return made
