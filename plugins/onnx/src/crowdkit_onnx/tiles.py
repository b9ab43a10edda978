"""Divide an image too large for one pass into tiles whose maps join to that of the whole.

Neighbouring tiles overlap by the network's receptive field and lie on the grid of its pooling, so
the core of each sees exactly what it would see in the whole image. The plan is crowdkit's.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdkit_onnx.metadata import Network
from crowdkit_onnx.sizing import Size

AUTO_PIXELS = 2048 * 2048
"""Images of at most this many pixels are counted whole."""


class Span(NamedTuple):
    """One axis of a tile, in pixels: the core it owns and the window the network sees."""

    core_start: int
    core_stop: int
    start: int
    stop: int


def tile_side(network: Network, size: Size) -> int | None:
    """Side of the tiles of an image, or None to count it whole.

    Only what tiles leave unchanged is tiled.
    """
    reach = network.receptive_field
    if network.stride is None or network.direct_count or reach is None:
        return None
    if size[0] * size[1] <= AUTO_PIXELS:
        return None
    window = math.isqrt(AUTO_PIXELS)
    return max(window - 2 * reach, window // 4)


def map_in_tiles(
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pixels: NDArray[np.uint8],
    network: Network,
    side: int,
) -> NDArray[np.float32]:
    """The density map of a whole image.

    Args:
        predict: From (H, W, 3) pixels to their (h, w) map.
        pixels: (H, W, 3).
        network: With a stride and a receptive field.
        side: Greatest side of a tile's core, rounded up to the grid.
    """
    height, width = pixels.shape[:2]
    stride = network.stride
    assert stride is not None
    whole = np.zeros((math.ceil(height / stride), math.ceil(width / stride)), np.float32)
    for row in spans(height, network, side, network.min_size[0]):
        for column in spans(width, network, side, network.min_size[1]):
            part = predict(pixels[row.start : row.stop, column.start : column.stop])
            to_rows, from_rows = _cells(row, stride)
            to_columns, from_columns = _cells(column, stride)
            whole[to_rows, to_columns] = part[from_rows, from_columns]
    return whole


def spans(length: int, network: Network, side: int, least: int) -> Iterator[Span]:
    """Cores of nearly equal length, each with its window inside ``[0, length)``."""
    assert network.stride is not None
    assert network.receptive_field is not None
    grid = math.lcm(network.size_multiple, network.stride)
    tile, halo = _round_up(side, grid), _round_up(network.receptive_field, grid)
    core = _round_up(math.ceil(length / math.ceil(length / tile)), grid)
    for core_start in range(0, length, core):
        core_stop = min(core_start + core, length)
        stop = min(max(core_stop + halo, core_start + _round_up(least, grid)), length)
        start = max(min(core_start - halo, (stop - least) // grid * grid), 0)
        yield Span(core_start, core_stop, start, stop)


def _cells(span: Span, stride: int) -> tuple[slice, slice]:
    """The core's cells in the whole map, and in the map of the window."""
    start, stop = span.core_start // stride, math.ceil(span.core_stop / stride)
    offset = span.start // stride
    return slice(start, stop), slice(start - offset, stop - offset)


def _round_up(length: int, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple
