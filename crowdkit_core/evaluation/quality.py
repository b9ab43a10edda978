"""Metrics beyond counts, which an evaluation is asked for by name."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

import torch
from jaxtyping import Float64
from torch import Tensor

from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.evaluation.bootstrap import Estimate
from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import (
    Counter,
    DensityGenerator,
    Localizer,
    Prediction,
    Sample,
    Target,
)
from crowdkit_core.metrics import (
    at_full_resolution,
    background_ratio_by_image,
    psnr_by_image,
    ssim_by_image,
)

MAP_METRICS: Mapping[str, Callable[..., Tensor]] = {
    "ssim": ssim_by_image,
    "psnr": psnr_by_image,
    "background": background_ratio_by_image,
}
"""By name: what compares density maps at full resolution, image by image."""

AVERAGE_PRECISION = "ap"
METRICS = (*MAP_METRICS, AVERAGE_PRECISION)


def require_metrics(
    metrics: Sequence[str],
    counter: Counter,
    density_generator: DensityGenerator | None,
    localizer: Localizer | None,
) -> None:
    """Check that metrics exist and that all they need is there.

    Raises:
        UsageError: An unknown name, or no density generator or localizer where one is needed.
        IncompatibleError: The counter has no density map, or the generator none at stride 1.
    """
    for name in metrics:
        if name not in METRICS:
            near = get_close_matches(name, METRICS, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"unknown metric {name!r}", hint=f"{guess}metrics: {', '.join(METRICS)}"
            )
    if AVERAGE_PRECISION in metrics and localizer is None and not counter.finds_points:
        raise UsageError(
            f"metric {AVERAGE_PRECISION!r} ranks found points, and no localizer finds any",
            hint="name one: --localizer local-maxima, or localizer= in Python",
        )
    asked = [name for name in metrics if name in MAP_METRICS]
    if asked:
        _require_maps(asked[0], counter, density_generator)


def _require_maps(name: str, counter: Counter, generator: DensityGenerator | None) -> None:
    if counter.stride is None:
        raise IncompatibleError(
            f"metric {name!r} compares density maps, and {counter.label} gives none"
        )
    if generator is None:
        raise UsageError(
            f"metric {name!r} compares with the density map of the annotated points, and no "
            "density generator makes it",
            hint="name one: --density-generator fixed, or density_generator= in Python",
        )
    if generator.strides is not None and 1 not in generator.strides:
        raise IncompatibleError(
            f"metric {name!r} compares maps at full resolution, and {generator.label} makes "
            f"strides {sorted(generator.strides)}",
            hint="name another: --density-generator fixed, or density_generator= in Python",
        )


def map_quality(
    metrics: Sequence[str],
    sample: Sample,
    prediction: Prediction,
    density_generator: DensityGenerator | None,
) -> dict[str, float]:
    """Those of the metrics that compare the predicted density map with the generator's.

    Raises:
        IncompatibleError: The prediction has no density map.
    """
    asked = [name for name in metrics if name in MAP_METRICS]
    if not asked or density_generator is None:
        return {}
    if prediction.density is None or prediction.stride is None:
        raise IncompatibleError(
            f"{sample.name}: metric {asked[0]!r} needs a density map, the prediction has none"
        )
    device = prediction.density.device
    predicted = at_full_resolution(prediction.density, stride=prediction.stride, size=sample.size)
    wanted = _wanted(sample, density_generator).to(device)
    roi = None if sample.roi is None else sample.roi[None].to(device)
    return {name: MAP_METRICS[name](predicted, wanted, roi=roi).item() for name in asked}


def _wanted(sample: Sample, generator: DensityGenerator) -> Tensor:
    points = sample.points.as_subclass(Tensor)
    target = Target(
        [points],
        sample.size,
        generator,
        roi=None if sample.roi is None else sample.roi[None],
        images=to_batch(sample.image, "cpu"),
        lengths=[{**sample.lengths, **generator.measure(points, sample.size)}],
    )
    return target.density()


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
