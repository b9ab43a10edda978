"""Write the ONNX file of a model, and keep it if it counts as torch does."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import torch
from jaxtyping import Float32
from numpy import ndarray

from crowdkit_core.errors import DataError, IncompatibleError, UsageError
from crowdkit_core.files import atomic_write
from crowdkit_core.inference.export.comparison import ShownImages, compared, made_up
from crowdkit_core.inference.export.metadata import write_metadata
from crowdkit_core.inference.export.packages import PACKAGES, package
from crowdkit_core.inference.export.precision import (
    TOLERANCES,
    CalibrationMethod,
    Precision,
    Tolerance,
    WeightBits,
    to_float16,
    to_int8,
)
from crowdkit_core.inference.export.tracing import OPSET, write_graph
from crowdkit_core.inference.images import ImageLike, load_image, to_batch
from crowdkit_core.inference.resized import resize_pixels
from crowdkit_core.inference.sources import one_image
from crowdkit_core.inference.tiles import has_own_procedure
from crowdkit_core.interfaces import Counter, LargeImage, evaluating

if TYPE_CHECKING:
    from crowdkit_core.inference.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An ONNX file that counts as its counter does.

    Attributes:
        path: The file.
        precision: Of its weights and of most values in between.
        images: How many images were compared, made-up ones included.
        count_difference: The greatest difference of counts, as a share of torch's count or of one
            person, whichever is more.
        density_difference: The greatest difference of a cell, as a share of the greatest cell of
            torch's map; None without a map.
        points: How many points `local-maxima` finds in torch's maps of the given images; None where
            nothing looked for them.
        points_matched: How many of them have one of the file's map within a cell, each its own.
        points_of_file: How many points the file's maps have.
        tolerance: What neither difference exceeds.
        opset: Version of ONNX's operations.
        bytes: Size of the file.
        float32_bytes: Size that it has in float32.
    """

    path: Path
    precision: Precision
    images: int
    count_difference: float
    density_difference: float | None
    points: int | None
    points_matched: int | None
    points_of_file: int | None
    tolerance: Tolerance
    opset: int
    bytes: int
    float32_bytes: int


def export(
    model: "Model",
    path: str | Path,
    *,
    check: Iterable[ImageLike] = (),
    tolerance: float | None = None,
    precision: Precision = "float32",
    calibrate: Iterable[ImageLike] = (),
    calibration_method: CalibrationMethod = "minmax",
    weight_bits: WeightBits = 7,
) -> Exported:
    """Write an ONNX file of one pass of a model's counter.

    Its input is ``images`` (B, 3, H, W), float32 RGB in [0, 1] of any size; the counter normalises
    them itself. Its outputs are ``count`` (B,) and, where there is a map, ``density`` (B, 1, h, w).
    What the model does around that pass (sizes, tiles, regions, intervals) is not in the file; what
    is needed for it, the whole card included, is told in its metadata, under ``crowdkit``.

    Args:
        model: Its counter is exported.
        path: The file to write.
        check: Images to count with both, in the size the model shows them at first. In float32
            made-up ones in three sizes are always compared too; fewer bits need given ones.
        tolerance: Greatest difference of counts and of maps, see `Exported`; None for what fits the
            precision (`TOLERANCES`).
        precision: ``float16`` halves the file; ``int8`` quarters it and counts quicker on
            processors. Counts of an int8 file have no interval, as they are not those that a
            calibration was made of.
        calibrate: For int8: images like those to be counted, which show what values there are. A
            few are enough, and best none of ``check``.
        calibration_method: For int8: what follows from them; see `CalibrationMethod`.
        weight_bits: For int8: with 7 the file counts alike on every processor, with 8 nearer on
            some; see `WeightBits`.

    Raises:
        MissingPackageError: onnx, onnxscript or onnxruntime is not installed.
        UsageError: ``tolerance`` is not positive, or images that a precision needs are missing.
        IncompatibleError: The counter takes more than one pass, or ONNX cannot say what it does.
        DataError: An image cannot be read, or is too large to be counted at once.
        CrowdkitError: The file counts differently; it is removed.
    """
    for name in PACKAGES:  # before any work
        package(name)
    counter, path = model.counter, Path(path)
    shown = [partial(_shown, model, image) for image in check]
    seen = [partial(_shown, model, image) for image in calibrate]
    _require_sense(precision, tolerance, shown, seen)
    _require_one_pass(counter)
    allowed = TOLERANCES[precision] if tolerance is None else Tolerance(tolerance, tolerance)
    where = next(counter.parameters(), torch.empty(0)).device
    try:
        with evaluating(counter, "cpu"), atomic_write(path) as temporary:
            write_graph(counter, temporary)
            whole = temporary.stat().st_size
            given = (each() for each in shown)
            if precision == "float32":
                found = compared(counter, temporary, chain(made_up(counter), given), allowed)
            else:
                compared(counter, temporary, made_up(counter), TOLERANCES["float32"])
                _reduce(temporary, precision, seen, calibration_method, weight_bits)
                found = compared(counter, temporary, given, allowed)
            write_metadata(temporary, model, precision)
            size = temporary.stat().st_size
    finally:
        counter.to(where)
    points = found.points
    return Exported(
        path=path,
        precision=precision,
        images=found.images,
        count_difference=found.count,
        density_difference=found.density,
        points=None if points is None else points.actual,
        points_matched=None if points is None else points.matched,
        points_of_file=None if points is None else points.predicted,
        tolerance=allowed,
        opset=OPSET,
        bytes=size,
        float32_bytes=whole,
    )


Load = Callable[[], ShownImages]


def _require_sense(
    precision: Precision, tolerance: float | None, shown: Sequence[Load], seen: Sequence[Load]
) -> None:
    if tolerance is not None and not tolerance > 0:
        raise UsageError(f"tolerance is {tolerance:g}, must be positive")
    if precision not in get_args(Precision):
        known = ", ".join(get_args(Precision))
        raise UsageError(f"precision {precision!r}, expected one of {known}")
    if precision != "float32" and not shown:
        raise UsageError(
            f"{precision} without images to check: how far off its counts are is measured on some",
            hint="give a few photos: --check FOLDER",
        )
    if (precision == "int8") != bool(seen):
        raise UsageError(
            "int8 needs images that show which values there are"
            if precision == "int8"
            else f"images to calibrate with, and {precision} is not calibrated",
            hint="give photos like those to be counted, with --precision int8 --calibrate FOLDER",
        )


def _require_one_pass(counter: Counter) -> None:
    if not counter.trainable:
        raise IncompatibleError(
            f"{counter.label} cannot be exported: it runs a finished network, not one of torch"
        )
    if has_own_procedure(counter):
        raise IncompatibleError(
            f"{counter.label} cannot be exported: it counts by a procedure of its own, which is "
            "more than one pass over an image"
        )


def _reduce(
    path: Path,
    precision: Precision,
    seen: Sequence[Load],
    method: CalibrationMethod,
    weight_bits: WeightBits,
) -> None:
    if precision == "float16":
        to_float16(path)
        return
    to_int8(path, [partial(_pixels, load) for load in seen], method, weight_bits)


def _pixels(load: Load) -> Float32[ndarray, "B 3 H W"]:
    pixels: Float32[ndarray, "B 3 H W"] = load().images.numpy()
    return pixels


def _shown(model: "Model", image: ImageLike) -> ShownImages:
    """An image in the size in which the model first shows it to its counter."""
    loaded = load_image(one_image(image, model.reading) if isinstance(image, str | Path) else image)
    height, width = loaded.pixels.shape[-2:]
    pixels = resize_pixels(loaded.pixels, model.sizing.first((height, width)))
    name = loaded.name or f"an image of {width} x {height} pixels"
    if isinstance(pixels, LargeImage):
        raise DataError(f"{name}: too large to be counted at once, expected a smaller image")
    return ShownImages(name, to_batch(pixels, "cpu"))
