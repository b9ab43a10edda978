"""Write a counter as an ONNX file, and compare its counts with those of torch.

Height, width and number of images stay free; `crowdkit_core.networks.traced_padding` says how.
"""

import io
import json
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._sympy.numbers import int_oo

from crowdkit_core.errors import (
    CrowdkitError,
    DataError,
    IncompatibleError,
    UsageError,
)
from crowdkit_core.extras import extra_package
from crowdkit_core.files import atomic_write
from crowdkit_core.inference.images import ImageLike, load_image, to_batch
from crowdkit_core.inference.resized import resize_pixels
from crowdkit_core.inference.sources import one_image
from crowdkit_core.inference.tiles import has_own_procedure
from crowdkit_core.interfaces import Counter, LargeImage, Size, evaluating
from crowdkit_core.jsonable import jsonable
from crowdkit_core.networks.same_padding import whole_number_padding
from crowdkit_core.networks.traced_padding import onnx_translations

if TYPE_CHECKING:
    from crowdkit_core.inference.model import Model

OPSET = 18
"""Version of ONNX's operations that is written."""

TOLERANCE = 1e-3
"""Greatest difference between torch and ONNX, as a share of what torch says."""

_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_TRACED = (2, 3, 195, 237)
_TRIED: tuple[Size, ...] = ((161, 131), (128, 224), (9, 70))
_LEAST_COUNT = 1.0
"""Counts below one are compared as if they were one, so that no difference is divided by zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An ONNX file that counts as its counter does.

    Attributes:
        path: The file.
        images: How many images were compared.
        count_difference: The greatest difference of counts, as a share of torch's count or of one
            person, whichever is more.
        density_difference: The greatest difference of a cell, as a share of the greatest cell of
            torch's map; None without a map.
        tolerance: What neither exceeds.
        opset: Version of ONNX's operations.
        bytes: Size of the file.
    """

    path: Path
    images: int
    count_difference: float
    density_difference: float | None
    tolerance: float
    opset: int
    bytes: int


def export(
    model: "Model",
    path: str | Path,
    *,
    check: Iterable[ImageLike] = (),
    tolerance: float = TOLERANCE,
) -> Exported:
    """Write an ONNX file of one pass of a model's counter.

    Its input is ``images`` (B, 3, H, W), float32 RGB in [0, 1] of any size; the counter normalises
    them itself. Its outputs are ``count`` (B,) and, where there is a map, ``density`` (B, 1, h, w).
    What the model does around that pass (sizes, tiles, regions, intervals) is not in the file; the
    size to show images in is told in its metadata, under ``crowdkit``.

    Args:
        model: Its counter is exported.
        path: The file to write.
        check: Images to count with both, in the size the model shows them at first; made-up ones
            in three sizes are always compared.
        tolerance: Greatest difference of counts and of maps; see `Exported`.

    Raises:
        MissingPackageError: onnx, onnxscript or onnxruntime is not installed.
        UsageError: ``tolerance`` is not positive.
        IncompatibleError: The counter takes more than one pass, or ONNX cannot say what it does.
        DataError: An image cannot be read, or is too large to be counted at once.
        CrowdkitError: The file counts differently; it is removed.
    """
    for package in _PACKAGES:  # before any work
        _module(package)
    if not tolerance > 0:
        raise UsageError(f"tolerance is {tolerance:g}, must be positive")
    counter, path = model.counter, Path(path)
    if has_own_procedure(counter):
        raise IncompatibleError(
            f"{counter.label} cannot be exported: it counts by a procedure of its own, which is "
            "more than one pass over an image"
        )
    where = next(counter.parameters(), torch.empty(0)).device
    try:
        with evaluating(counter, "cpu"), atomic_write(path) as temporary:
            _write(model, temporary)
            count, density, images = _compared(model, temporary, check, tolerance)
            size = temporary.stat().st_size
    finally:
        counter.to(where)
    return Exported(
        path=path,
        images=images,
        count_difference=count,
        density_difference=density,
        tolerance=tolerance,
        opset=OPSET,
        bytes=size,
    )


class _OnePass(nn.Module):
    """A counter that gives plain tensors."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self.counter = counter

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> tuple[Tensor, ...]:
        """Count and, where there is one, density map."""
        prediction = self.counter(images)
        return tuple(each for each in (prediction.count, prediction.density) if each is not None)


def _write(model: "Model", path: Path) -> None:
    free = torch.export.Dim.DYNAMIC
    counter = model.counter
    try:
        with _quiet(), whole_number_padding():
            program = torch.onnx.export(
                _OnePass(counter).eval(),
                (torch.rand(_TRACED),),
                dynamo=True,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["count"] if counter.stride is None else ["count", "density"],
                dynamic_shapes={"images": {0: free, 2: free, 3: free}},
                custom_translation_table=dict(onnx_translations()),
                verbose=False,
            )
    except Exception as error:  # of many kinds, by what the network does
        raise IncompatibleError(
            f"{counter.label} cannot be exported for images of any size: {_cause(error)}"
        ) from error
    assert program is not None
    _require_free(program, counter)
    program.model.metadata_props["crowdkit"] = json.dumps(_facts(model))
    program.save(path, external_data=False)


def _require_free(program: torch.onnx.ONNXProgram, counter: Counter) -> None:
    """Refuse a trace of one of several ways that a network takes by the size of an image."""
    assert program.exported_program is not None
    ranges = program.exported_program.range_constraints
    nodes = program.exported_program.graph.nodes
    (images,) = [node for node in nodes if node.op == "placeholder" and node.name == "images"]
    number, _, height, width = images.meta["val"].shape
    sizes = {"number of images": number, "height": height, "width": width}
    for (name, side), least in zip(sizes.items(), (1, *counter.min_size), strict=True):
        known = None if isinstance(side, int) else ranges.get(side.node.expr)
        if known is None or known.lower > least or known.upper != int_oo:
            found = f"{side}" if known is None else f"{known.lower} to {known.upper}"
            raise IncompatibleError(
                f"{counter.label} cannot be exported for images of any size: "
                f"what was traced holds for a {name} of {found} alone"
            )


def _facts(model: "Model") -> dict[str, Any]:
    counter, sides = model.counter, model.sizing.resizing.long_side
    given = {} if counter.origin is None else counter.origin.options
    return {
        "counter": counter.registered_name,
        "options": jsonable({**counter.weights_options, **given}),
        "things": model.things,
        "stride": counter.stride,
        "weights_sha256": model.weights,
        "sizing": model.sizing.described(),
        "long_side": None if sides is None else sides[1],
        "normalization": "inside",
    }


def _compared(
    model: "Model", path: Path, check: Iterable[ImageLike], tolerance: float
) -> tuple[float, float | None, int]:
    """The greatest differences of counts and of maps, and of how many images."""
    onnxruntime = _module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(
        path, sess_options=options, providers=["CPUExecutionProvider"]
    )
    counts, maps = [], []
    for name, images in _shown(model, check):
        expected = [each.numpy() for each in _OnePass(model.counter)(images)]
        try:
            found = session.run(None, {"images": images.numpy()})
        except Exception as error:  # onnxruntime's own classes
            raise IncompatibleError(
                f"{model.counter.label} cannot be exported: onnxruntime fails on {name}: "
                f"{_cause(error)}"
            ) from error
        off = [_difference(expected[0], found[0], _LEAST_COUNT)]
        off += [
            _difference(mine, its, 0.0) for mine, its in zip(expected[1:], found[1:], strict=True)
        ]
        if not max(off) <= tolerance:
            raise CrowdkitError(
                f"{model.counter.label}: the ONNX file counts {found[0].sum():.3f} on {name}, "
                f"torch {expected[0].sum():.3f}; the difference is {max(off):.2g} of it, more than "
                f"{tolerance:g}",
                hint="nothing was written; a greater tolerance accepts it",
            )
        counts.append(off[0])
        maps += off[1:]
    return max(counts), max(maps, default=None), len(counts)


def _shown(
    model: "Model", check: Iterable[ImageLike]
) -> Iterator[tuple[str, Float[Tensor, "B 3 H W"]]]:
    """Batches to compare, by what messages call them."""
    random, least = torch.Generator().manual_seed(0), model.counter.min_size
    for number, (height, width) in enumerate(_TRIED, 1):
        height, width = (max(*each) for each in zip((height, width), least, strict=True))
        noise = torch.rand(number, 3, height, width, generator=random)
        yield f"noise of {width} x {height} pixels", noise
    for image in check:
        loaded = load_image(
            one_image(image, model.reading) if isinstance(image, str | Path) else image
        )
        height, width = loaded.pixels.shape[-2:]
        pixels = resize_pixels(loaded.pixels, model.sizing.first((height, width)))
        name = loaded.name or f"an image of {width} x {height} pixels"
        if isinstance(pixels, LargeImage):
            raise DataError(f"{name}: too large to be counted at once, expected a smaller image")
        yield name, to_batch(pixels, "cpu")


def _difference(expected: Any, found: Any, least: float) -> float:
    """The greatest, as a share of the greatest expected value; infinite between two shapes."""
    if expected.shape != found.shape:
        return float("inf")
    scale = max(float(np.abs(expected).max()), least, float(np.finfo(np.float32).tiny))
    return float(np.abs(expected - found).max()) / scale


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch tells of its own steps, and the whole graph where it fails."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    told = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(told), redirect_stderr(told):
            warnings.filterwarnings("ignore", module=r"torch\.|onnxscript\.|copyreg")
            yield
    finally:
        logging.disable(before)


def _cause(error: BaseException) -> str:
    """The first line of what went wrong first."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _module(package: str) -> Any:
    return extra_package(package, extra="export", needed_by="exporting needs")
