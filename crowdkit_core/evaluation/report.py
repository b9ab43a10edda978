"""Summarise the results of all images in a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float64
from torch import Tensor

from crowdkit_core.evaluation.asked_metrics import (
    PointScores,
    map_metrics,
    mean_over_images,
    point_scores,
)
from crowdkit_core.evaluation.bootstrap import Estimate, resampling_weights
from crowdkit_core.evaluation.image_result import ImageResult
from crowdkit_core.evaluation.matching_radii import MatchingRadius, pool
from crowdkit_core.evaluation.protocols import Protocol, ProtocolScores, protocol_scores
from crowdkit_core.evaluation.scores import (
    RANGES,
    GroupMeans,
    GroupScores,
    RangeScores,
    Scores,
    mean_over_groups,
    score,
    score_by_group,
    score_by_range,
)
from crowdkit_core.interfaces import Metric
from crowdkit_core.metrics import LocalizationScores

Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Result of evaluating a counter on a dataset.

    Attributes:
        counter: The counter's name.
        dataset: The dataset's name.
        split: Which part of it.
        scores: Errors by name of the count: ``count``, then the alternative counts that every
            image has.
        from_density: In how many images, each with a region, ``count`` is the sum of the density
            map inside because the counter's own, regressed count cannot be restricted.
        by_range: The same by count range.
        by_group: The same by the dataset's groups (such as scenes), of those images that have one.
        group_means: By name of the count, errors averaged over groups; empty without groups.
        localization: Precision, recall and F1 by matching radius in pixels, and by the heads' own
            ``sigma_s`` and ``sigma_l`` where the dataset has boxes.
        metrics: Further metrics that were asked for.
        quality: Those of density maps, by name: means over the images on which they are finite
            (the PSNR of equal maps is not).
        map_stride: Stride of the density maps before they were brought to full resolution; None
            without maps.
        map_target: The density generator they were compared with; empty where they were not.
        point_scores: Those of ranked points, by name, row and column of their table.
        protocol: What the asked protocol says of the points; None without one.
        baseline_mae: MAE of predicting the training images' mean count; None if unknown.
        stamp: Facts a reader must know (such as a checkpoint chosen on test images).
        images: Every image, in the dataset's order.
    """

    counter: str
    dataset: str
    split: str
    scores: Mapping[str, Scores]
    from_density: int
    by_range: Mapping[str, tuple[RangeScores, ...]]
    by_group: Mapping[str, tuple[GroupScores, ...]] = field(default_factory=dict)
    group_means: Mapping[str, GroupMeans] = field(default_factory=dict)
    localization: Mapping[MatchingRadius, LocalizationScores] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    quality: Mapping[str, Estimate] = field(default_factory=dict)
    map_stride: int | None = None
    map_target: str = ""
    point_scores: Mapping[str, PointScores] = field(default_factory=dict)
    protocol: ProtocolScores | None = None
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
    metrics: Sequence[Metric] = (),
    protocol: Protocol | None = None,
    map_stride: int | None = None,
    map_target: str = "",
) -> Report:
    """Score at least one image result.

    Raises:
        UsageError: ``ranges`` do not ascend from 0 or more.
    """
    actual = [each.actual for each in images]
    game = _game(images)
    groups = [each.group for each in images]
    scores, by_range, by_group, group_means = {}, {}, {}, {}
    for name, predicted in _counts(images).items():
        levels = game if name == "count" else None
        scores[name] = score(predicted, actual, levels, seed=seed)
        by_range[name] = score_by_range(predicted, actual, levels, ranges=ranges, seed=seed)
        means = mean_over_groups(predicted, actual, groups, seed=seed)
        if means is not None:
            by_group[name] = score_by_group(predicted, actual, groups, levels, seed=seed)
            group_means[name] = means
    return Report(
        counter=counter,
        dataset=dataset,
        split=split,
        scores=scores,
        from_density=sum(each.from_density for each in images),
        by_range=by_range,
        by_group=by_group,
        group_means=group_means,
        localization=pool([each.localization for each in images]),
        metrics=tuple(metrics),
        quality=_quality(images, metrics, seed),
        map_stride=map_stride,
        map_target=map_target,
        point_scores=point_scores(metrics, [each.ranked for each in images if each.ranked]),
        protocol=None
        if protocol is None
        else protocol_scores(
            protocol, [each.protocol for each in images if each.protocol is not None], seed=seed
        ),
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


def _quality(
    images: Sequence[ImageResult], metrics: Sequence[Metric], seed: int
) -> dict[str, Estimate]:
    weights = resampling_weights(len(images), seed=seed)
    return {
        name: mean_over_images([each.quality[name] for each in images], weights)
        for name in map_metrics(metrics)
    }
