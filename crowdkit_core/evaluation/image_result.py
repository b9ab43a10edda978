"""Measure the results of one evaluated image."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from crowdkit_core.errors import CrowdkitError, IncompatibleError
from crowdkit_core.evaluation.asked_metrics import map_values, point_metrics
from crowdkit_core.evaluation.matching_radii import MatchingRadius, lengths_inside, match_within
from crowdkit_core.evaluation.protocols import Protocol
from crowdkit_core.inference.count import AS_GIVEN, TileSide, find_points, predict_image
from crowdkit_core.inference.resized import (
    ShownPrediction,
    points_in,
    predict_resized,
    prediction_in,
)
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.interfaces import (
    Counter,
    DensityGenerator,
    LocalizedPoints,
    Localizer,
    Metric,
    Prediction,
    Sample,
    cell_shares,
    points_inside,
)
from crowdkit_core.metrics import (
    LocalizationScores,
    game_by_image,
    region_counts,
    region_sums,
)

GAME_LEVELS = (0, 1, 2, 3)
PARTS = 4
"""Parts along each side of an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageResult:
    """One evaluated image; only people inside its region are in it.

    Attributes:
        name: The sample's name.
        actual: Annotated people.
        predicted: The counter's count, as given: it may be negative or fractional. With a region,
            the sum of its density map inside.
        from_density: Whether that sum stands in for a count that is regressed and need not agree.
        counts: The counter's alternative counts by name.
        game: GAME(0) to GAME(3) of the density map; empty without one.
        localization: Points matched with heads, by matching radius in pixels, and by ``sigma_s``
            and ``sigma_l`` where heads have boxes; empty where nothing finds points.
        quality: The map metrics that were asked for, by name.
        ranked: Found points and the heads, for point metrics, which look at all images at once;
            None where none was asked for.
        protocol: What the image adds to the asked protocol's sums; None without one.
        parts: People in each of 4 x 4 parts of the image, ``actual`` and by name of the way of
            counting; empty where not asked for, or where nothing finds points.
        group: The sample's group.
    """

    name: str
    actual: int
    predicted: float
    from_density: bool = False
    counts: Mapping[str, float] = field(default_factory=dict)
    game: tuple[float, ...] = ()
    localization: Mapping[MatchingRadius, LocalizationScores] = field(default_factory=dict)
    quality: Mapping[str, float] = field(default_factory=dict)
    ranked: tuple[LocalizedPoints, Tensor] | None = field(default=None, repr=False, compare=False)
    protocol: Tensor | None = field(default=None, repr=False, compare=False)
    parts: Mapping[str, Tensor] = field(default_factory=dict, repr=False, compare=False)
    group: str = ""

    @property
    def error(self) -> float:
        """``predicted - actual``."""
        return self.predicted - self.actual


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Settings of what is measured on each image beside its count.

    Attributes:
        tile: None for whole images; else as for `inference.count`.
        sizing: The size in which the counter sees images.
        localizer: Its points are matched with heads.
        radii: Pixels a point may lie from its head.
        metrics: Further metrics.
        protocol: Judges the points too.
        density_generator: Makes the maps that map metrics compare with.
        parts: Also count people in parts of each image, where points are found.
    """

    tile: TileSide = None
    sizing: Sizing = AS_GIVEN
    localizer: Localizer | None = None
    radii: Sequence[float] = ()
    metrics: Sequence[Metric] = ()
    protocol: Protocol | None = None
    density_generator: DensityGenerator | None = None
    parts: bool = False


COUNTS_ALONE = Measures()
"""Nothing but the counts, and what follows from them."""


def predict_sample(
    counter: Counter,
    sample: Sample,
    device: torch.device,
    *,
    tile: TileSide = None,
    sizing: Sizing = AS_GIVEN,
) -> ShownPrediction:
    """Run a counter in evaluation mode on one sample, whole or in tiles."""
    predict = partial(predict_image, counter, tile=tile, device=device)
    return predict_resized(predict, sample.image, sizing)


def counts_of(counter: Counter, sample: Sample, prediction: Prediction) -> tuple[int, float]:
    """Annotated and predicted people inside the sample's region.

    Raises:
        IncompatibleError: The sample has a region, and the prediction neither a density map nor
            points that are the count.
        CrowdkitError: The predicted count is not finite.
    """
    actual = int(points_inside(sample.points, sample.roi).sum())
    count = prediction.count
    if sample.roi is not None:
        if prediction.density is None and not prediction.counts_points:
            raise IncompatibleError(
                f"{sample.name}: people inside its region count, and {counter.label} gives a count "
                "without a density map, which cannot be restricted to a region",
                hint="use a counter that predicts density, or a dataset without regions",
            )
        count = prediction.count_inside(sample.roi[None].to(count.device))
    predicted = count.item()
    if not math.isfinite(predicted):
        raise CrowdkitError(
            f"{sample.name}: {counter.label} gives a count of {predicted}",
            hint="its weights are damaged, or training diverged",
        )
    return actual, predicted


def measure(
    counter: Counter,
    sample: Sample,
    device: torch.device,
    measures: Measures = COUNTS_ALONE,
) -> ImageResult:
    """Predict one sample and compare it with its annotation; errors as of `counts_of`."""
    shown = predict_sample(counter, sample, device, tile=measures.tile, sizing=measures.sizing)
    prediction = prediction_in(shown.prediction, shown.size, sample.size)
    actual, predicted = counts_of(counter, sample, prediction)
    points = sample.points.as_subclass(Tensor)
    inside = points_inside(points, sample.roi)
    heads = points[inside]
    found = found_points(sample, shown, measures.localizer)
    return ImageResult(
        name=sample.name,
        actual=actual,
        predicted=predicted,
        from_density=sample.roi is not None
        and not (prediction.counts_points or prediction.is_sum_of_density()),
        counts=_alternative_counts(counter, sample, shown),
        game=_game(sample, prediction, heads),
        localization={}
        if found is None
        else match_within(found.xy, heads, measures.radii, sample.lengths, inside),
        quality=map_values(measures.metrics, sample, prediction, measures.density_generator),
        ranked=(found, heads) if found is not None and point_metrics(measures.metrics) else None,
        protocol=None
        if found is None or measures.protocol is None
        else measures.protocol.sums(found.xy, heads, lengths_inside(sample.lengths, inside)),
        parts=_parts(counter, sample, shown, heads, found) if measures.parts and found else {},
        group=sample.group,
    )


def _parts(
    counter: Counter,
    sample: Sample,
    shown: ShownPrediction,
    heads: Tensor,
    found: LocalizedPoints,
) -> dict[str, Tensor]:
    """(16,) people of each part, row by row, of every count that has a map, and of the points."""
    prediction = shown.prediction
    named = {name: _count_map(counter, prediction, name) for name in prediction.counts}
    maps = {
        name: prediction_in(each, shown.size, sample.size)
        for name, each in {**named, "count": prediction}.items()
        if each is not None
    }
    return {
        "actual": region_counts(heads, PARTS, size=sample.size).flatten(),
        **{
            name: _part_sums(each.density, each.stride, sample)
            for name, each in maps.items()
            if each.density is not None and each.stride is not None
        },
        "points": region_counts(found.xy, PARTS, size=sample.size).flatten(),
    }


def _part_sums(density: Tensor, stride: int, sample: Sample) -> Tensor:
    inside = density.cpu()
    if sample.roi is not None:
        inside = inside * cell_shares(sample.roi[None], stride)
    return region_sums(inside, PARTS, stride=stride, size=sample.size).flatten()


def _alternative_counts(
    counter: Counter, sample: Sample, shown: ShownPrediction
) -> dict[str, float]:
    """With a region, only those that a map can be restricted for."""
    counts = shown.prediction.counts
    if sample.roi is None:
        return {name: count.item() for name, count in counts.items()}
    maps = {name: _count_map(counter, shown.prediction, name) for name in counts}
    return {
        name: _inside(prediction_in(branch, shown.size, sample.size), sample.roi)
        for name, branch in maps.items()
        if branch is not None
    }


def by_name(counter: Counter, prediction: Prediction, name: str) -> Prediction:
    """An alternative count of a counter as a prediction, with its map where there is one.

    Raises:
        IncompatibleError: The counter does not give it.
    """
    if name not in prediction.counts:
        given = ", ".join(prediction.counts) or "none"
        raise IncompatibleError(
            f"{counter.label} gives no count named {name!r}", hint=f"it gives: {given}"
        )
    own_map = _count_map(counter, prediction, name)
    return Prediction(count=prediction.counts[name]) if own_map is None else own_map


def _inside(prediction: Prediction, roi: Tensor) -> float:
    return prediction.count_inside(roi[None].to(prediction.count.device)).item()


def _count_map(counter: Counter, prediction: Prediction, name: str) -> Prediction | None:
    """The map whose sum a named count is: its own, or the density map of the same name."""
    if name in prediction.count_maps:
        return prediction.count_maps[name]
    spec = counter.outputs.get(name)
    if spec is not None and spec.kind == "density" and name in prediction.maps:
        return Prediction.from_density(prediction.maps[name], spec.stride)
    return None


def _game(sample: Sample, prediction: Prediction, heads: Tensor) -> tuple[float, ...]:
    if prediction.density is None or prediction.stride is None:
        return ()
    density = prediction.density.cpu()
    if sample.roi is not None:
        density = density * cell_shares(sample.roi[None], prediction.stride)
    stride, size = prediction.stride, sample.size
    return tuple(
        game_by_image(density, [heads], level=level, stride=stride, size=size).item()
        for level in GAME_LEVELS
    )


def found_points(
    sample: Sample, shown: ShownPrediction, localizer: Localizer | None
) -> LocalizedPoints | None:
    """Points found inside the region of a sample, in its own pixels; None where nothing finds any.

    Args:
        sample: The image.
        shown: What a counter predicts of it.
        localizer: Finds them; None for a counter that finds points by itself.
    """
    found = find_points(shown.prediction, shown.size, localizer)
    if found is None:
        return None
    found = points_in(found, shown.size, sample.size)
    xy = found.xy.cpu()
    inside = points_inside(xy, sample.roi)
    return LocalizedPoints(xy[inside], found.score.cpu()[inside])
