"""Count images with an ONNX file and with torch, and say how far apart the two are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.errors import CrowdkitError, IncompatibleError
from crowdkit_core.inference.export.packages import cause, package
from crowdkit_core.inference.export.precision import Tolerance
from crowdkit_core.inference.export.tracing import OnePass
from crowdkit_core.interfaces import Counter, Prediction, Size
from crowdkit_core.localization import LocalMaxima
from crowdkit_core.metrics import LocalizationScores, match_points

_TRIED: tuple[Size, ...] = ((161, 131), (128, 224), (9, 70))
_LEAST_COUNT = 1.0
"""Counts below one are compared as if they were one, so that no difference is divided by zero."""


class ShownImages(NamedTuple):
    """A batch to count.

    Attributes:
        name: By which messages call it.
        images: As the counter is shown them.
        seeks_points: Whether points are compared too: where noise has peaks says nothing.
    """

    name: str
    images: Float[Tensor, "B 3 H W"]
    seeks_points: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """The greatest differences between an ONNX file and torch.

    Attributes:
        images: How many batches were compared.
        count: Of counts; see `Tolerance`.
        density: Of cells; None without a map.
        points: Matches of the points of both maps; None where none were looked for.
    """

    images: int = 0
    count: float = 0.0
    density: float | None = None
    points: LocalizationScores | None = None


def made_up(counter: Counter) -> Iterator[ShownImages]:
    """Noise of three sizes, none of them the one that was traced."""
    random = torch.Generator().manual_seed(0)
    for number, size in enumerate(_TRIED, 1):
        height, width = (max(*each) for each in zip(size, counter.min_size, strict=True))
        noise = torch.rand(number, 3, height, width, generator=random)
        yield ShownImages(f"noise of {width} x {height} pixels", noise, seeks_points=False)


def compared(
    counter: Counter, path: Path, shown: Iterable[ShownImages], tolerance: Tolerance
) -> Differences:
    """Count batches with both.

    Raises:
        IncompatibleError: onnxruntime fails.
        CrowdkitError: A difference is above the tolerance.
    """
    onnxruntime = package("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(
        path, sess_options=options, providers=["CPUExecutionProvider"]
    )
    found = Differences()
    for batch in shown:
        expected = [each.numpy() for each in OnePass(counter)(batch.images)]
        try:
            given = session.run(None, {"images": batch.images.numpy()})
        except Exception as error:  # onnxruntime's own classes
            raise IncompatibleError(
                f"{counter.label} cannot be exported: onnxruntime fails on {batch.name}: "
                f"{cause(error)}"
            ) from error
        _require_near(counter, batch.name, expected, given, tolerance)
        found = _with(found, counter, batch, expected, given)
    return found


def _require_near(
    counter: Counter, name: str, expected: list[Any], given: list[Any], tolerance: Tolerance
) -> None:
    off = _differences(expected, given)
    allowed = (("count", tolerance.count), ("map", tolerance.density))
    for (what, most), difference in zip(allowed, off, strict=False):
        if not difference <= most:
            raise CrowdkitError(
                f"{counter.label}: the ONNX file counts {given[0].sum():.3f} on {name}, torch "
                f"{expected[0].sum():.3f}; its {what} differs by {difference:.2g}, more than "
                f"{most:g}",
                hint="nothing was written; a greater tolerance accepts it",
            )


def _with(
    found: Differences, counter: Counter, batch: ShownImages, expected: list[Any], given: list[Any]
) -> Differences:
    count, *density = _differences(expected, given)
    points = found.points
    if density and batch.seeks_points:
        assert counter.stride is not None
        size = (batch.images.shape[-2], batch.images.shape[-1])
        scores = _agreeing(expected[1], given[1], counter.stride, size)
        points = scores if points is None else points + scores
    return replace(
        found,
        images=found.images + 1,
        count=max(found.count, count),
        density=max(found.density or 0.0, *density) if density else found.density,
        points=points,
    )


def _differences(expected: list[Any], given: list[Any]) -> list[float]:
    """Of the counts and, where there are any, the maps."""
    pairs = zip(expected, given, (_LEAST_COUNT, 0.0), strict=False)
    return [_difference(*each) for each in pairs]


def _difference(expected: Any, found: Any, least: float) -> float:
    """The greatest, as a share of the greatest expected value; infinite between two shapes."""
    if expected.shape != found.shape:
        return float("inf")
    scale = max(float(np.abs(expected).max()), least, float(np.finfo(np.float32).tiny))
    return float(np.abs(expected - found).max()) / scale


def _agreeing(expected: Any, given: Any, stride: int, size: Size) -> LocalizationScores:
    """Points of torch's map and of the file's that lie within a cell of each other."""
    localizer = LocalMaxima()
    theirs, ours = (
        localizer(Prediction.from_density(torch.from_numpy(density), stride), size)[0].xy
        for density in (given, expected)
    )
    matches = match_points(theirs, ours, radius=float(stride))
    return LocalizationScores(matched=len(matches), predicted=len(theirs), actual=len(ours))
