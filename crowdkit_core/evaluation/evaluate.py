"""Evaluate a counter on a dataset, in one process or many, each image once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest

import torch
from torch import Tensor, distributed

from crowdkit_core.data.loading import evaluation_indices
from crowdkit_core.errors import UsageError
from crowdkit_core.evaluation.asked_metrics import (
    asked_metrics,
    map_metrics,
    require_annotated,
    require_metrics,
    require_points,
)
from crowdkit_core.evaluation.baseline import annotated_counts, constant_baseline
from crowdkit_core.evaluation.image_result import (
    ImageResult,
    Measures,
    by_name,
    counts_of,
    measure,
    predict_sample,
)
from crowdkit_core.evaluation.protocols import Protocol, asked_protocol
from crowdkit_core.evaluation.report import Fact, Report, make_report
from crowdkit_core.evaluation.scores import RANGES
from crowdkit_core.inference.count import AS_GIVEN, TileSide
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.inference.tiles import has_own_procedure
from crowdkit_core.interfaces import (
    Calibrated,
    Counter,
    Dataset,
    DensityGenerator,
    Localizer,
    Metric,
    evaluating,
    require_fit,
)
from crowdkit_core.metrics import CountErrors

Progress = Callable[[int, int], None]
"""Called with how many images are done, and of how many."""


def evaluate(
    counter: Counter,
    dataset: Dataset,
    *,
    device: torch.device | str | None = None,
    tile: TileSide = None,
    sizing: Sizing = AS_GIVEN,
    localizer: Localizer | None = None,
    radii: Sequence[float] = (4.0, 8.0),
    metrics: Sequence[str | Metric] = (),
    protocol: str | Protocol | None = None,
    density_generator: DensityGenerator | None = None,
    parts: bool = False,
    ranges: Sequence[int] = RANGES,
    train: Dataset | None = None,
    stamp: Mapping[str, Fact] | None = None,
    seed: int = 0,
    rank: int = 0,
    world_size: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Count every image and compare with its annotation.

    Images go through ``counter.predict`` one at a time, by default in their own size. Where a
    sample has a region, only people inside count, on both sides. Counts are compared as they are:
    never clamped or rounded, against the number of annotated points.

    ``metrics`` adds to the errors of counts. A `MapMetric` (``ssim``, ``psnr``, ``background``)
    compares the density map, brought to full resolution, with that of the density generator; a
    `PointMetric` (``ap``) looks at the localizer's ranked points over all images.

    Args:
        counter: Any counter; its mode is restored afterwards.
        dataset: Annotated images.
        device: Moves the counter there; None leaves it where it is.
        tile: None for whole images, as papers evaluate; else as for `inference.count`.
        sizing: The size in which the counter sees images; errors of regions and points are in
            the images' own pixels all the same.
        localizer: Also scores its points.
        radii: Pixels a point may lie from its head; one set of localization scores each.
        metrics: Further metrics, by name or as objects.
        protocol: Also judges the points: ``nwpu``, ``shanghaitech``, ``qnrf`` or one of your own.
        density_generator: Makes the maps to compare with, already fitted if it learns from
            annotations.
        parts: Also count people in parts of each image (`ImageResult.parts`), where points are
            found.
        ranges: Most people of each count range but the last.
        train: Training images, whose mean count is the baseline to beat. A counter that was
            calibrated with other options than it has now (`Calibrated`) is so again, to these,
            or to ``dataset`` where that is of training images.
        stamp: Facts to carry into the report.
        seed: Of the bootstrap.
        rank: This process; evaluates every ``world_size``-th image.
        world_size: Number of processes; with more than one, torch.distributed must be running,
            and every process gets the whole report.
        progress: Called after each image on the first process.

    Raises:
        UnknownComponentError: No metric has such a name; suggests near ones.
        UsageError: The dataset is empty, ``ranges`` do not ascend from 0 or more, a metric or
            the protocol lacks its density generator or localizer, there is no such protocol, or
            annotations lack what it needs.
        IncompatibleError: The counter lacks what the localizer, a metric or a region needs, or
            the density generator makes no map at full resolution.
        CrowdkitError: A predicted count is not finite; names the image.
        DataError: An image cannot be read.
    """
    if localizer is not None:
        require_fit(localizer, counter)
    asked = asked_metrics(metrics)
    require_metrics(asked, counter, density_generator, localizer)
    judged_by = asked_protocol(protocol)
    if judged_by is not None:
        require_points(f"protocol {judged_by.name!r} judges", counter, localizer)
        annotations = (dataset.annotation(index) for index in range(len(dataset)))
        require_annotated(judged_by, annotations, dataset)
    measures = Measures(
        tile=tile,
        sizing=sizing,
        localizer=localizer,
        radii=radii,
        metrics=asked,
        protocol=judged_by,
        density_generator=density_generator,
        parts=parts,
    )
    with evaluating(counter, device) as where:
        known = dataset if train is None and dataset.split == "train" else train
        calibrated = _calibrated(counter, known)
        results = [
            measure(counter, dataset[index], where, measures)
            for index in _own_images(dataset, rank, world_size, progress)
        ]
    images = _gathered(results, world_size)
    baseline = (
        None
        if train is None
        else constant_baseline(annotated_counts(train), [each.actual for each in images])
    )
    return make_report(
        images,
        counter=counter.registered_name,
        dataset=dataset.registered_name,
        split=dataset.split,
        ranges=ranges,
        seed=seed,
        baseline_mae=baseline,
        stamp={
            **(stamp or {}),
            **calibrated,
            **_tiling(counter, tile),
            **_sizes(sizing),
            **_values(dataset),
        },
        metrics=asked,
        protocol=judged_by,
        map_stride=counter.stride,
        map_target=described(density_generator) if map_metrics(asked) else "",
    )


def validate(
    counter: Counter,
    dataset: Dataset,
    *,
    count: str = "",
    device: torch.device | str | None = None,
    rank: int = 0,
    world_size: int = 1,
    progress: Progress | None = None,
) -> dict[str, float]:
    """``mae`` and ``rmse`` alone, as a training loop wants them; arguments as of `evaluate`.

    Args:
        counter: Any counter.
        dataset: Annotated images.
        count: Name of one of the counter's alternative counts; its count when empty.
        device: As of `evaluate`.
        rank: As of `evaluate`.
        world_size: As of `evaluate`.
        progress: As of `evaluate`.

    Raises:
        UsageError: The dataset is empty.
        IncompatibleError: An image has a region and the counter no density map, or it does not
            give the alternative count.
        CrowdkitError: A predicted count is not finite; names the image.
        DataError: An image cannot be read.
    """
    predicted, actual = [], []
    with evaluating(counter, device) as where:
        for index in _own_images(dataset, rank, world_size, progress):
            sample = dataset[index]
            prediction = predict_sample(counter, sample, where).prediction
            judged = by_name(counter, prediction, count) if count else prediction
            people, number = counts_of(counter, sample, judged)
            actual.append(people)
            predicted.append(number)
    sums = _summed(CountErrors.of(predicted, actual).sums, world_size, where)
    errors = CountErrors(sums)
    return {"mae": errors.mae.item(), "rmse": errors.rmse.item()}


def _own_images(
    dataset: Dataset, rank: int, world_size: int, progress: Progress | None
) -> Iterator[int]:
    total = len(dataset)
    if total == 0:
        raise UsageError(f"{dataset.label} has no {dataset.split} image to evaluate on")
    for done, index in enumerate(evaluation_indices(rank, world_size, total), start=1):
        yield index
        if progress is not None and rank == 0:
            progress(min(done * world_size, total), total)


def _gathered(results: list[ImageResult], world_size: int) -> list[ImageResult]:
    """The results of all processes in the dataset's order."""
    if world_size == 1:
        return results
    parts: list[list[ImageResult]] = [[] for _ in range(world_size)]
    distributed.all_gather_object(parts, results)
    return [each for turn in zip_longest(*parts) for each in turn if each is not None]


def _summed(sums: Tensor, world_size: int, device: torch.device) -> Tensor:
    """Sums over all processes."""
    if world_size > 1:
        sums = sums.to(device)
        distributed.all_reduce(sums)
    return sums


def _calibrated(counter: Counter, train: Dataset | None) -> dict[str, Fact]:
    """Fit again what options other than those of the training have made wrong, and say so."""
    if train is None or not isinstance(counter, Calibrated) or not counter.needs_calibration:
        return {}
    counter.calibrate(train)
    return {"calibrated": f"again, to the {len(train)} training images, as options have changed"}


def _tiling(counter: Counter, tile: TileSide) -> dict[str, Fact]:
    """State what tiles replace, if not one pass over the image."""
    if not isinstance(tile, int) or not counter.direct_count or has_own_procedure(counter):
        return {}
    lost = f"the count that {counter.registered_name} regresses"
    return {"tiles": f"{tile} px, counted by the density map alone, without {lost}"}


def _sizes(sizing: Sizing) -> dict[str, Fact]:
    return {} if sizing == AS_GIVEN else {"sizes": sizing.described()}


def _values(dataset: Dataset) -> dict[str, Fact]:
    known = dataset.value_range
    return {} if known is None else {"values": f"{known} shown as black to white"}


def described(generator: DensityGenerator | None) -> str:
    """Its name with the options it was given, but for those that are off."""
    if generator is None:
        return ""
    options = generator.origin.options if generator.origin else {}
    listed = ", ".join(f"{name}={v}" for name, v in sorted(options.items()) if v is not None)
    return f"{generator.registered_name} ({listed})" if listed else generator.registered_name
