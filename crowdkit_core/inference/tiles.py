"""Count images too large for one pass: tiles with a halo, stitched into one map.

Neighbouring tiles overlap by the counter's receptive field; each keeps only the core it owns. So
density is joined, and points likewise: each is proposed in one cell, which one tile owns.
Tile corners fall on the counter's pooling grid and outer tiles end where the image ends, so a
core cell sees exactly the pixels it would see in the whole image: stitched and whole maps agree
to rounding (1e-4 relative in float32 is tested; TF32 convolutions on a GPU are coarser).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import Counter, LargeImage, Prediction, Size

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
        IncompatibleError: The counter gives no map, or has no known receptive field and no
            ``halo`` was given.
        UsageError: ``tile`` or ``halo`` is impossible.
    """
    if not counter.outputs:
        raise _no_density(counter)
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

    Only what tiles leave unchanged is tiled.
    """
    height, width = size
    if height * width <= AUTO_PIXELS or not tiles_change_nothing(counter):
        return None
    return tile_within(counter, AUTO_PIXELS)


def tiles_change_nothing(counter: Counter) -> bool:
    """Whether the count follows from maps that can be put together from tiles.

    That takes a known receptive field, and no inference procedure of its own, which bounds its
    memory itself.
    """
    joins = counter.counts_by_maps
    return joins and counter.receptive_field is not None and not has_own_procedure(counter)


def tile_within(counter: Counter, pixels: int) -> int:
    """Tile side with which a network of known receptive field sees about that many pixels."""
    assert counter.receptive_field is not None
    window = math.isqrt(pixels)
    return max(window - 2 * counter.receptive_field, window // 4)


def has_own_procedure(counter: Counter) -> bool:
    """Whether ``predict`` is something else than one pass over the image."""
    return "predict" in vars(counter) or type(counter).predict is not Counter.predict


@dataclass(slots=True)
class TiledLook:
    """Shows images to networks tile by tile; for `Counter.predict_in_tiles`.

    Attributes:
        tile: As of `plan_tiles`.
        halo: As of `plan_tiles`; of each network its own receptive field when None.
        exact: Whether every map so far was the whole image's.
    """

    tile: int
    halo: int | None = None
    exact: bool = field(default=True, init=False)

    def __call__(self, network: Counter, image: Tensor) -> dict[str, Tensor]:
        """All maps of an image, where the image is."""
        height, width = image.shape[-2:]
        plan = plan_tiles(network, (height, width), tile=self.tile, halo=self.halo)
        self.exact = self.exact and plan.exact
        where = next((each.device for each in network.parameters()), image.device)
        return maps_in_tiles(network, image, plan, device=where)


def predict_tiles(
    counter: Counter,
    image: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"] | LargeImage,
    plan: TilePlan,
    *,
    device: torch.device | str = "cpu",
) -> Prediction:
    """Run ``counter`` tile by tile and stitch every map it declares.

    ``forward`` alone: what a ``predict`` of its own makes of it is up to the counter, see
    `Counter.predict_in_tiles`. The count is what the stitched maps are read as
    (`Counter.read_maps`); alternative counts are dropped, as they do not join from parts.

    Args:
        counter: In evaluation mode, on ``device``.
        image: (3, H, W) RGB, uint8 or float in [0, 1]; or one that is read tile by tile.
        plan: From `plan_tiles` for this counter and size.
        device: Where the counter is.

    Raises:
        IncompatibleError: The counter's count does not follow from maps.
    """
    if counter.stride is None and not counter.counts_by_maps:
        raise _no_density(counter)
    stitched = counter.read_maps(maps_in_tiles(counter, image, plan, device=device), plan.size)
    return replace(stitched, outputs=counter.outputs, direct_count=counter.direct_count)


def maps_in_tiles(
    counter: Counter,
    image: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"] | LargeImage,
    plan: TilePlan,
    *,
    device: torch.device | str = "cpu",
) -> dict[str, Tensor]:
    """Every map that a network declares of one image, put together from tiles.

    Only one tile is on the network's device at a time; the maps are where the image is.

    Args:
        counter: In evaluation mode, on ``device``.
        image: (3, H, W) RGB, uint8 or float in [0, 1]; or one that is read tile by tile.
        plan: From `plan_tiles` for this network and size.
        device: Where the network is.

    Returns:
        Each (1, C, h, w), the density map by the name ``density``.
    """
    whole: dict[str, Tensor] = {}
    for row, column in plan:
        window = image[:, row.start : row.stop, column.start : column.stop]
        parts = _maps(counter, counter(to_batch(window, device)))
        for name, part in parts.items():
            stride = counter.outputs[name].stride
            if name not in whole:
                cells = [math.ceil(length / stride) for length in plan.size]
                whole[name] = part.new_zeros(1, part.shape[1], *cells, device=image.device)
            to_rows, from_rows = _cells(row, stride)
            to_columns, from_columns = _cells(column, stride)
            core = part[..., from_rows, from_columns].to(image.device)
            whole[name][..., to_rows, to_columns] = core
    return whole


def _maps(counter: Counter, prediction: Prediction) -> dict[str, Tensor]:
    """Those it declares; some counters give more than they are asked for."""
    density = {} if prediction.density is None else {"density": prediction.density}
    maps = {**density, **prediction.maps}
    return {name: each for name, each in maps.items() if name in counter.outputs}


def _no_density(counter: Counter) -> IncompatibleError:
    return IncompatibleError(
        f"{counter.label} gives no density map, so its counts cannot be joined from tiles",
        hint="count the whole image, or use a counter that predicts density or proposes points",
    )


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
