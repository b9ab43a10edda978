"""The metrics an evaluation is asked for: found by name, checked against what they need, computed.

What is there follows from the registry: the core's own are registered like those of plugins.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

from crowdkit_core.errors import IncompatibleError, ShapeError, UsageError
from crowdkit_core.evaluation.bootstrap import Estimate
from crowdkit_core.evaluation.protocols import Protocol
from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import (
    Annotation,
    Counter,
    Dataset,
    DensityGenerator,
    LocalizedPoints,
    Localizer,
    MapMetric,
    Metric,
    PointMetric,
    Prediction,
    Sample,
    Target,
)
from crowdkit_core.metrics import at_full_resolution
from crowdkit_core.registry import create

_OF_IMAGES = ("name", "group", "actual", "predicted", "error", "game0", "game1", "game2", "game3")
_OF_RUNS = (
    *("state", "mae", "mae_low", "mae_high", "rmse", "nae", "baseline_mae"),
    *("images", "epochs", "seconds", "run", "error"),
)
TABLE_COLUMNS = frozenset((*_OF_IMAGES, *_OF_RUNS))
"""Columns that tables have anyway: no metric can have their name."""

PointScores = Mapping[str, Mapping[str, float]]
"""What a `PointMetric` gives: numbers by row and column of its table."""


def asked_metrics(metrics: Sequence[str | Metric]) -> tuple[Metric, ...]:
    """Metrics by name or as they are, in their order.

    Raises:
        UnknownComponentError: No metric has this name; suggests near ones.
        UsageError: Two have the same name, or one that of a column of every table.
    """
    made = [create("metric", each) if isinstance(each, str) else each for each in metrics]
    names = [each.registered_name for each in made]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"metric {twice[0]!r} is asked for twice")
    if taken := [name for name in names if name in TABLE_COLUMNS]:
        raise UsageError(
            f"metric {taken[0]!r} has the name of a column that tables have anyway",
            hint="register it by another name",
        )
    return tuple(made)


def map_metrics(metrics: Sequence[Metric]) -> dict[str, MapMetric]:
    """Those that compare density maps, by name."""
    return {each.registered_name: each for each in metrics if isinstance(each, MapMetric)}


def point_metrics(metrics: Sequence[Metric]) -> dict[str, PointMetric]:
    """Those that compare ranked points, by name."""
    return {each.registered_name: each for each in metrics if isinstance(each, PointMetric)}


def require_metrics(
    metrics: Sequence[Metric],
    counter: Counter,
    density_generator: DensityGenerator | None,
    localizer: Localizer | None,
) -> None:
    """Check that all that metrics need is there.

    Raises:
        UsageError: No density generator or localizer where one is needed.
        IncompatibleError: The counter has no density map, or the generator none at stride 1.
    """
    for metric in metrics:
        if isinstance(metric, PointMetric):
            require_points(f"{metric.label} ranks", counter, localizer)
        elif isinstance(metric, MapMetric):
            _require_maps(metric, counter, density_generator)
        else:
            raise UsageError(f"{metric.label} is neither a MapMetric nor a PointMetric")


def require_points(what: str, counter: Counter, localizer: Localizer | None) -> None:
    """Check that something finds points.

    Args:
        what: Needs them, with its verb: ``metric 'ap' ranks``.
        counter: Any.
        localizer: If there is one.

    Raises:
        UsageError: Nothing does.
    """
    if localizer is None and not counter.finds_points:
        raise UsageError(
            f"{what} found points, and no localizer finds any",
            hint="name one: --localizer local-maxima, or localizer= in Python",
        )


def require_annotated(
    protocol: Protocol | None, annotations: Iterable[Annotation], dataset: Dataset
) -> None:
    """Check that annotations have what a protocol needs, up to the first with heads.

    Raises:
        UsageError: They do not.
    """
    if protocol is None:
        return
    first = next((each for each in annotations if len(each.points)), None)
    lacking = "" if first is None else protocol.missing(first)
    if first is not None and lacking:
        raise UsageError(
            f"protocol {protocol.name!r} needs {lacking}, and {dataset.label} has none in "
            f"{first.name}",
            hint="radii in pixels need none: --protocol shanghaitech",
        )


def _require_maps(metric: Metric, counter: Counter, generator: DensityGenerator | None) -> None:
    if counter.stride is None:
        raise IncompatibleError(
            f"{metric.label} compares density maps, and {counter.label} has none"
        )
    if generator is None:
        raise UsageError(
            f"{metric.label} compares with the density map of the annotated points, and no "
            "density generator makes it",
            hint="name one: --density-generator fixed, or density_generator= in Python",
        )
    if generator.strides is not None and 1 not in generator.strides:
        raise IncompatibleError(
            f"{metric.label} compares maps at full resolution, and {generator.label} makes "
            f"strides {sorted(generator.strides)}",
            hint="name another: --density-generator fixed, or density_generator= in Python",
        )


def map_values(
    metrics: Sequence[Metric],
    sample: Sample,
    prediction: Prediction,
    density_generator: DensityGenerator | None,
) -> dict[str, float]:
    """Each map metric of the predicted density map and the generator's, at full resolution.

    Raises:
        IncompatibleError: The prediction has no density map.
        ShapeError: A metric gives something else than one number per image.
    """
    asked = map_metrics(metrics)
    if not asked or density_generator is None:
        return {}
    if prediction.density is None or prediction.stride is None:
        label = next(iter(asked.values())).label
        raise IncompatibleError(f"{sample.name}: {label} needs a density map, there is none")
    device = prediction.density.device
    predicted = at_full_resolution(prediction.density, stride=prediction.stride, size=sample.size)
    target = target_of(sample, density_generator).density().to(device)
    everywhere = torch.ones(sample.size, dtype=torch.bool)
    roi = (everywhere if sample.roi is None else sample.roi)[None].to(device)
    return {name: _one(metric, predicted, target, roi) for name, metric in asked.items()}


def _one(metric: MapMetric, predicted: Tensor, target: Tensor, roi: Tensor) -> float:
    values = metric.by_image(predicted, target, roi)
    if values.shape != (1,):
        raise ShapeError(
            f"{metric.label} gives shape {tuple(values.shape)} for one image, expected (1,)"
        )
    return values.item()


def target_of(sample: Sample, generator: DensityGenerator) -> Target:
    """The truth of one sample as training saw it: widths measured on the whole image."""
    points = sample.points.as_subclass(Tensor)
    return Target(
        [points],
        sample.size,
        generator,
        roi=None if sample.roi is None else sample.roi[None],
        images=to_batch(sample.image, "cpu"),
        lengths=[{**sample.lengths, **generator.measure(points, sample.size)}],
    )


def mean_over_images(values: Sequence[float], weights: Float64[Tensor, "R images"]) -> Estimate:
    """Mean of the images on which a metric is finite, with its interval.

    Args:
        values: The metric on each image.
        weights: How often each image occurs in each draw.
    """
    each = torch.tensor(values, dtype=torch.float64)
    defined = each.isfinite().double()
    finite = each.where(defined > 0, 0.0)
    return Estimate.of(finite.sum() / defined.sum(), (weights @ finite) / (weights @ defined))


def point_scores(
    metrics: Sequence[Metric], ranked: Sequence[tuple[LocalizedPoints, Tensor]]
) -> dict[str, PointScores]:
    """Each point metric over all images, by name.

    Args:
        metrics: Of any kind.
        ranked: Found points and heads of each image.
    """
    asked = point_metrics(metrics)
    if not asked:
        return {}
    found, heads = zip(*ranked, strict=True)
    return {name: metric.over_images(found, heads) for name, metric in asked.items()}
