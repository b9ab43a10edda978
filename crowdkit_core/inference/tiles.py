"""Count images too large for one pass: tiles with a halo, stitched into one map.

Neighbouring tiles overlap by the counter's receptive field; each keeps only the core it owns.
Tile corners fall on the counter's pooling grid and outer tiles end where the image ends, so a
core cell sees exactly the pixels it would see in the whole image: stitched and whole maps agree
to rounding (1e-4 relative in float32 is tested; TF32 convolutions on a GPU are coarser).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import Counter, Prediction, Size

AUTO_PIXELS = 2048 * 2048
"""Images of at most this many pixels are counted whole by ``tile="auto"``."""


@dataclass(frozen=True, slots=True)
class Span:
    """One axis of a tile, in pixels: the core it owns and the window the network sees."""

    core_start: int
    core_stop: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class TilePlan:
    """Where the tiles of an image lie.

    Attributes:
        size: (H, W) of the image.
        rows: Vertical spans; their cores partition ``[0, H)``.
        columns: Horizontal spans; their cores partition ``[0, W)``.
        exact: The stitched map equals the whole image's, as the halo covers the receptive field.
    """

    size: Size
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    exact: bool

    def __iter__(self) -> Iterator[tuple[Span, Span]]:
        return ((row, column) for row in self.rows for column in self.columns)

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)


def plan_tiles(counter: Counter, size: Size, *, tile: int, halo: int | None = None) -> TilePlan:
    """Divide an image into tiles whose corners suit a counter.

    Args:
        counter: Its strides, size multiple, receptive field and least size decide the grid.
        size: (H, W) of the image in pixels.
        tile: Greatest side of a tile's own core in pixels, rounded up to the grid; the network
            sees up to ``tile + 2 * halo`` pixels a side.
        halo: Margin round the core in pixels, rounded up to the grid; the counter's receptive
            field when None.

    Raises:
        IncompatibleError: The counter gives no density map, or has no known receptive field and
            no ``halo`` was given.
        UsageError: ``tile`` or ``halo`` is impossible.
    """
    if counter.stride is None:
        raise IncompatibleError(
            f"{counter.label} gives no density map, so its counts cannot be joined from tiles",
            hint="count the whole image, or use a counter that predicts density",
        )
    if tile < 1 or (halo is not None and halo < 0):
        raise UsageError(f"tile {tile}, halo {halo}: expected tile >= 1 and halo >= 0 pixels")
    if halo is None:
        halo = counter.receptive_field
    if halo is None:
        raise IncompatibleError(
            f"{counter.label} looks at the whole image, so no halo makes tiles exact",
            hint="give a halo in pixels to accept an approximate count, or count without tiles",
        )
    exact = counter.receptive_field is not None and halo >= counter.receptive_field
    grid = _grid(counter)
    tile, halo = _round_up(tile, grid), _round_up(halo, grid)
    rows, columns = (
        _spans(length, tile, halo, grid, least)
        for length, least in zip(size, counter.min_size, strict=True)
    )
    return TilePlan(size, rows, columns, exact or len(rows) * len(columns) == 1)


def auto_tile(counter: Counter, size: Size) -> int | None:
    """Tile side for an image too large for one pass, or None to count it whole.

    Only what tiles leave unchanged is tiled: a counter with a known receptive field and no
    inference procedure of its own.
    """
    height, width = size
    own_procedure = type(counter).predict is not Counter.predict
    if counter.stride is None or counter.receptive_field is None or own_procedure:
        return None
    if height * width <= AUTO_PIXELS:
        return None
    window = math.isqrt(AUTO_PIXELS)
    return max(window - 2 * counter.receptive_field, window // 4)


def predict_tiles(
    counter: Counter,
    image: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"],
    plan: TilePlan,
    *,
    device: torch.device | str = "cpu",
) -> Prediction:
    """Run ``counter`` tile by tile and stitch every map it declares.

    Only one tile is on the device at a time; the stitched maps are on the CPU. The count is the
    sum of the density map; alternative counts are dropped, as they do not join from parts.

    Args:
        counter: In evaluation mode, on ``device``.
        image: (3, H, W) RGB, uint8 or float in [0, 1].
        plan: From `plan_tiles` for this counter and size.
        device: Where the counter is.
    """
    whole: dict[str, Tensor] = {}
    for row, column in plan:
        window = image[:, row.start : row.stop, column.start : column.stop]
        prediction = counter(to_batch(window, device))
        for name, part in _maps(prediction).items():
            stride = counter.outputs[name].stride
            if name not in whole:
                cells = [math.ceil(length / stride) for length in plan.size]
                whole[name] = torch.zeros(1, part.shape[1], *cells, dtype=part.dtype)
            to_rows, from_rows = _cells(row, stride)
            to_columns, from_columns = _cells(column, stride)
            whole[name][..., to_rows, to_columns] = part[..., from_rows, from_columns].cpu()
    density = whole.pop("density")
    stitched = Prediction.from_density(density, counter.outputs["density"].stride, maps=whole)
    return replace(stitched, outputs=counter.outputs, direct_count=counter.direct_count)


def _maps(prediction: Prediction) -> dict[str, Tensor]:
    assert prediction.density is not None  # plan_tiles refuses counters without one
    return {"density": prediction.density, **prediction.maps}


def _cells(span: Span, stride: int) -> tuple[slice, slice]:
    """The core's cells in the whole map, and in the map of the window."""
    start, stop = span.core_start // stride, math.ceil(span.core_stop / stride)
    offset = span.start // stride
    return slice(start, stop), slice(start - offset, stop - offset)


def _spans(length: int, tile: int, halo: int, grid: int, least: int) -> tuple[Span, ...]:
    """Cores of nearly equal length, each with its window inside ``[0, length)``."""
    core = _round_up(math.ceil(length / math.ceil(length / tile)), grid)
    spans = []
    for core_start in range(0, length, core):
        core_stop = min(core_start + core, length)
        stop = min(max(core_stop + halo, core_start + _round_up(least, grid)), length)
        start = max(min(core_start - halo, (stop - least) // grid * grid), 0)
        spans.append(Span(core_start, core_stop, start, stop))
    return tuple(spans)


def _grid(counter: Counter) -> int:
    return math.lcm(counter.size_multiple, *(spec.stride for spec in counter.outputs.values()))


def _round_up(length: int, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple
