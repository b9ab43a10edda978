"""From weights to a model that counts."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from crowdkit_core.errors import UsageError
from crowdkit_core.inference.interval import Calibration, read_calibration
from crowdkit_core.inference.model import Model
from crowdkit_core.interfaces import Counter
from crowdkit_core.registry import create
from crowdkit_core.weights import read_weights


def load_model(
    weights: str | Path | None,
    *,
    counter: str | None = None,
    options: Mapping[str, Any] | None = None,
    device: torch.device | str | None = None,
) -> Model:
    """A model from a weights file: images in their own size, counts without an interval.

    Args:
        weights: The file.
        counter: Which counter, where the file does not say it.
        options: The counter's options.
        device: Where to count; None for the CPU.

    Raises:
        UsageError: There are no weights, or nobody says which counter they belong to.
        WeightsError: The file cannot be read, or does not fit the counter.
    """
    if weights is None:
        raise UsageError(
            "a counter without weights cannot count",
            hint="add --weights FILE; `crowdkit train` writes best.safetensors in its run folder",
        )
    made = load_counter(weights, counter, options or {})
    return Model(counter=made, weights=sha256_of(weights), device=device)


def load_counter(weights: str | Path, name: str | None, options: Mapping[str, Any]) -> Counter:
    """A counter with weights; arguments and errors as of `load_model`."""
    counter: Counter = create("counter", counter_of(weights, name), **options, weights=weights)
    return counter


def counter_of(weights: str | Path, name: str | None) -> str:
    """The counter that weights belong to: as named, or as their file says.

    Raises:
        UsageError: Neither says it.
        WeightsError: The file cannot be read.
    """
    name = name or read_weights(weights).component
    if not name:
        raise UsageError(
            f"{weights} does not say which counter it is for", hint="add --counter NAME"
        )
    return name


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


def sha256_of(path: str | Path) -> str:
    """The digest of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
