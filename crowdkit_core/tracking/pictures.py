"""Picture what a counter sees in a few held-out images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from matplotlib.figure import Figure
from numpy import ndarray
from torch import Tensor

from crowdkit_core.evaluation.image_result import by_name, counts_of, predict_sample
from crowdkit_core.interfaces import Counter, Dataset, Sample, evaluating
from crowdkit_core.visual import side_by_side

PANEL_SIDE = 400
"""Longer side of a panel in pixels: there is one picture an image and epoch, so they stay small."""


def spread(number: int, total: int) -> Sequence[int]:
    """A number of indices from first to last at equal distances; all there are if there are fewer.

    Example:
        >>> spread(4, 10)
        [0, 3, 6, 9]
        >>> spread(4, 2)
        [0, 1]
    """
    number = min(number, total)
    if number < 2:
        return list(range(number))
    return [index * (total - 1) // (number - 1) for index in range(number)]


def pictures_of(
    counter: Counter, dataset: Dataset, indices: Sequence[int], *, judged_by: str = ""
) -> dict[str, UInt8[ndarray, "H W 3"]]:
    """Image, annotated heads and predicted density side by side, by the image's name.

    Args:
        counter: Looks at each image as in validation; its mode is restored.
        dataset: Annotated images.
        indices: Which of them.
        judged_by: Name of one of the counter's alternative counts; its count when empty.
    """
    with evaluating(counter) as device:
        samples = (dataset[index] for index in indices)
        return {each.name: _picture(counter, each, device, judged_by) for each in samples}


def _picture(
    counter: Counter, sample: Sample, device: torch.device, judged_by: str
) -> UInt8[ndarray, "H W 3"]:
    prediction = predict_sample(counter, sample, device).prediction
    if judged_by:
        prediction = by_name(counter, prediction, judged_by)
    density = prediction.density
    figure = side_by_side(
        sample.image,
        actual_points=sample.points.as_subclass(Tensor),
        count=counts_of(counter, sample, prediction)[1],
        density=None if density is None else density[0, 0],
        stride=prediction.stride or 1,
        side=PANEL_SIDE,
    )
    return _pixels(figure)


def _pixels(figure: Figure) -> UInt8[ndarray, "H W 3"]:
    canvas: Any = figure.canvas  # matplotlib: untyped
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
