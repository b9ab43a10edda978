"""The result of an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float64
from torch import Tensor

from crowdkit_core.evaluation.image_result import ImageResult
from crowdkit_core.evaluation.scores import RANGES, RangeScores, Scores, score, score_by_range
from crowdkit_core.metrics import LocalizationScores

Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How well a counter counted a dataset.

    Attributes:
        counter: The counter's name.
        dataset: The dataset's name.
        split: Which part of it.
        scores: Errors by name of the count: ``count``, then the alternative counts that every
            image has.
        by_range: The same by count range.
        localization: Precision, recall and F1 by matching radius in pixels.
        baseline_mae: MAE of predicting the training images' mean count; None if unknown.
        stamp: Facts a reader must know (a checkpoint chosen on test images, say).
        images: Every image, in the dataset's order.
    """

    counter: str
    dataset: str
    split: str
    scores: Mapping[str, Scores]
    by_range: Mapping[str, tuple[RangeScores, ...]]
    localization: Mapping[float, LocalizationScores] = field(default_factory=dict)
    baseline_mae: float | None = None
    stamp: Mapping[str, Fact] = field(default_factory=dict)
    images: tuple[ImageResult, ...] = ()


def make_report(
    images: Sequence[ImageResult],
    *,
    counter: str,
    dataset: str,
    split: str,
    ranges: Sequence[int] = RANGES,
    seed: int = 0,
    baseline_mae: float | None = None,
    stamp: Mapping[str, Fact] | None = None,
) -> Report:
    """Score at least one image result.

    Raises:
        UsageError: ``ranges`` do not ascend from 0 or more.
    """
    actual = [each.actual for each in images]
    game = _game(images)
    scores, by_range = {}, {}
    for name, predicted in _counts(images).items():
        levels = game if name == "count" else None
        scores[name] = score(predicted, actual, levels, seed=seed)
        by_range[name] = score_by_range(predicted, actual, levels, ranges=ranges, seed=seed)
    return Report(
        counter=counter,
        dataset=dataset,
        split=split,
        scores=scores,
        by_range=by_range,
        localization=_localization(images),
        baseline_mae=baseline_mae,
        stamp=stamp or {},
        images=tuple(images),
    )


def _counts(images: Sequence[ImageResult]) -> dict[str, list[float]]:
    alternatives = [
        name for name in images[0].counts if all(name in each.counts for each in images)
    ]
    return {
        "count": [each.predicted for each in images],
        **{name: [each.counts[name] for each in images] for name in alternatives},
    }


def _game(images: Sequence[ImageResult]) -> Float64[Tensor, "levels B"] | None:
    if not all(each.game for each in images):
        return None
    return torch.tensor([each.game for each in images], dtype=torch.float64).T


def _localization(images: Sequence[ImageResult]) -> dict[float, LocalizationScores]:
    none = LocalizationScores(0, 0, 0)
    return {
        radius: sum((each.localization[radius] for each in images), none)
        for radius in images[0].localization
    }
