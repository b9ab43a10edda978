"""Measure how long a model takes to count an image."""

from dataclasses import replace
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from crowdkit_core.cards import MeasuredSpeed
from crowdkit_core.inference import Model, Sizing
from crowdkit_core.settings import hardware

PROPORTIONS = (4, 3)
"""Of the width to the height of the image, as of most photos."""

RUNS = 5
"""How many counts the median is of."""


def measured_speed(model: Model, width: int) -> MeasuredSpeed:
    """How long a model takes for an image of a width, without resizing it.

    The image is random, as what it shows hardly changes the work.
    """
    height = round(width * PROPORTIONS[1] / PROPORTIONS[0])
    random = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=random)
    whole = replace(model, sizing=Sizing())
    whole(image)  # the first count also sets up the device
    seconds = median(_seconds(whole, image) for _ in range(RUNS))
    return MeasuredSpeed(
        image=(width, height),
        seconds=float(f"{seconds:.2g}"),
        hardware=hardware(model.device or "cpu"),
    )


def _seconds(model: Model, image: Tensor) -> float:
    before = perf_counter()
    model(image)
    return perf_counter() - before
