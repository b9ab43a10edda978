"""Evaluate points that any tool found, without a counter."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Bool
from torch import Tensor

from crowdkit_core.data.annotations import FORMATS, ImageNames, Mark, MarkedImage
from crowdkit_core.data.annotations.sizes import require_stated_size
from crowdkit_core.errors import DataError, IncompatibleError, UsageError
from crowdkit_core.evaluation.asked_metrics import (
    asked_metrics,
    map_metrics,
    require_annotated,
)
from crowdkit_core.evaluation.image_result import ImageResult
from crowdkit_core.evaluation.matching_radii import lengths_inside, match_within
from crowdkit_core.evaluation.protocols import Protocol, asked_protocol
from crowdkit_core.evaluation.report import Fact, Report, make_report
from crowdkit_core.evaluation.scores import RANGES
from crowdkit_core.interfaces import Annotation, Dataset, LocalizedPoints, Metric, points_inside

_NAMED = 5


def evaluate_points(
    found: Sequence[MarkedImage],
    dataset: Dataset,
    *,
    source: str,
    radii: Sequence[float] = (4.0, 8.0),
    missing: Literal["error", "empty"] = "error",
    metrics: Sequence[str | Metric] = (),
    protocol: str | Protocol | None = None,
    ranges: Sequence[int] = RANGES,
    stamp: Mapping[str, Fact] | None = None,
    seed: int = 0,
) -> Report:
    """Compare points with a dataset's heads: localization scores and errors of their number.

    Points are matched one to one within each radius, and within ``sigma_s`` and ``sigma_l`` where
    the dataset has a box round each head. Only points and heads inside an image's region count. No
    image is decoded.

    Args:
        found: Points by image. Images go by the dataset's names, whose folders and ending may be
            left out where no two images are meant then.
        dataset: Annotated images.
        source: What the report calls the points' maker.
        radii: Pixels a point may lie from its head.
        missing: What an image is that ``found`` does not list: an error, or ``empty``.
        metrics: Further metrics of points, by name (``ap``) or as objects; every point needs a
            score for them.
        protocol: Also judges the points: ``nwpu``, ``shanghaitech``, ``qnrf`` or one of your own.
        ranges: Most people of each count range but the last.
        stamp: Facts to carry into the report.
        seed: Of the bootstrap.

    Raises:
        DataError: An image is not in the dataset, may be several, or is not listed.
        SizeMismatchError: The points say that an image has another size than the dataset gives.
        IncompatibleError: A metric compares density maps.
        UnknownComponentError: No metric has such a name; suggests near ones.
        UsageError: The dataset is empty, a radius or range is wrong, a point lacks the score that
            metrics need, there is no such protocol, or annotations lack what it needs.
    """
    asked = asked_metrics(metrics)
    _require_scored(asked, found, source)
    annotations = [dataset.annotation(index) for index in range(len(dataset))]
    if not annotations:
        raise UsageError(f"{dataset.label} has no {dataset.split} image to evaluate on")
    judged_by = asked_protocol(protocol)
    require_annotated(judged_by, annotations, dataset)
    by_name = _by_name(found, [each.name for each in annotations], source, missing)
    for each in annotations:
        if each.name in by_name:
            require_stated_size(by_name[each.name], each.size, f"{source} ({each.name})")
    return make_report(
        [_score(each, by_name.get(each.name), radii, judged_by) for each in annotations],
        counter=source,
        dataset=dataset.registered_name,
        split=dataset.split,
        ranges=ranges,
        seed=seed,
        stamp=stamp,
        metrics=asked,
        protocol=judged_by,
    )


def _require_scored(metrics: Sequence[Metric], found: Sequence[MarkedImage], source: str) -> None:
    for metric in map_metrics(metrics).values():
        raise IncompatibleError(f"{metric.label} compares density maps, and points have none")
    marks = [mark for image in found for mark in image.marks]
    lacking = sum(mark.score is None for mark in marks)
    if metrics and lacking:
        scored = ", ".join(name for name, each in FORMATS.items() if "scores" in each.carries)
        raise UsageError(
            f"{source}: {metrics[0].label} needs a score for every point, and {lacking} of "
            f"{len(marks)} have none",
            hint="scores are the column `score` of a table, or another: --columns score=NAME; "
            f"formats with scores: {scored}",
        )


def _by_name(
    found: Sequence[MarkedImage], names: Sequence[str], source: str, missing: str
) -> dict[str, MarkedImage]:
    """The found points by the dataset's names."""
    known = ImageNames(names)
    meant = {image.name: known.find(image.name) for image in found}
    by_name: dict[str, MarkedImage] = {}
    unknown = [name for name, matches in meant.items() if not matches]
    if unknown:
        raise DataError(
            f"{source}: not in the evaluated images: {_listed(unknown)}",
            hint="leave them out, or choose the --split they belong to (--split all for all)",
        )
    for image in found:
        matches = meant[image.name]
        if len(matches) > 1:
            raise DataError(f"{source}: {image.name!r} may be {matches[0]} or {matches[1]}")
        if matches[0] in by_name:
            raise DataError(f"{source}: two entries are image {matches[0]}")
        by_name[matches[0]] = image
    left = [name for name in names if name not in by_name]
    if left and missing == "error":
        raise DataError(
            f"{source}: nothing about {_listed(left)}",
            hint="say so if nobody was found there: --missing-as-empty",
        )
    return by_name


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _score(
    annotation: Annotation,
    marked: MarkedImage | None,
    radii: Sequence[float],
    protocol: Protocol | None,
) -> ImageResult:
    inside = points_inside(annotation.points, annotation.roi)
    heads = annotation.points[inside]
    points = _inside(marked.marks if marked is not None else (), annotation.roi)
    return ImageResult(
        name=annotation.name,
        actual=len(heads),
        predicted=float(len(points.xy)),
        localization=match_within(points.xy, heads, radii, annotation.lengths, inside),
        ranked=(points, heads),
        protocol=None
        if protocol is None
        else protocol.sums(points.xy, heads, lengths_inside(annotation.lengths, inside)),
        group=annotation.group,
    )


def _inside(marks: Sequence[Mark], roi: Bool[Tensor, "H W"] | None) -> LocalizedPoints:
    """The points inside the region; those without a score all have the same."""
    xy = torch.tensor([(mark.x, mark.y) for mark in marks], dtype=torch.float64).reshape(-1, 2)
    score = torch.tensor(
        [1.0 if mark.score is None else mark.score for mark in marks], dtype=torch.float64
    )
    kept = points_inside(xy, roi)
    return LocalizedPoints(xy[kept], score[kept])
