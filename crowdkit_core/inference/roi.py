"""Regions of interest: polygons or a mask, as the pixels inside."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.images import read_mask
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size

Polygon = Sequence[Sequence[float]] | NDArray[np.float64]
"""Corners (x, y) in pixels, corner convention, in order; closed by itself."""

RoiLike = str | Path | NDArray[np.generic] | Tensor | Polygon | Sequence[Polygon]
"""A file (JSON polygons, a mask image or ``.npy`` mask), an (H, W) mask, or one or more
polygons."""


def as_roi(roi: RoiLike, size: Size) -> Bool[Tensor, "H W"]:
    """The pixels of an image that a region covers.

    A mask is inside where it is not zero (in an image file: not black).

    Args:
        roi: The region.
        size: (H, W) of the image.

    Raises:
        DataError: The region cannot be read, is of another size, or covers no pixel.
    """
    name = f"region {str(roi)!r}" if isinstance(roi, str | Path) else "region"
    if isinstance(roi, str | Path):
        roi = _read(Path(roi), name)
    if isinstance(roi, np.ndarray | Tensor):
        mask = torch.as_tensor(roi).cpu() != 0
        if tuple(mask.shape) != tuple(size):
            raise DataError(
                f"{name}: the mask is {_by(mask.shape)} pixels, the image {_by(size)}",
                hint="a mask has one value per image pixel",
            )
    else:
        mask = polygons_mask(_polygons(roi, name), size)
    if not mask.any():
        raise DataError(f"{name} covers no pixel of the image ({_by(size)} pixels, width x height)")
    return mask


def polygons_mask(polygons: Sequence[Polygon], size: Size) -> Bool[Tensor, "H W"]:
    """Pixels whose centre lies inside any of the polygons (even-odd rule within each).

    Edges are half-open: polygons that share an edge share no pixel, and a partition of the frame
    into polygons is a partition of its pixels.

    Example:
        >>> polygons_mask([[(0, 0), (2, 0), (2, 1), (0, 1)]], (2, 3)).int().tolist()
        [[1, 1, 0], [0, 0, 0]]
    """
    mask = np.zeros(size, dtype=bool)
    for polygon in polygons:
        mask |= _fill(np.asarray(polygon, dtype=np.float64), size)
    return torch.from_numpy(mask)


def _fill(corners: NDArray[np.float64], size: Size) -> NDArray[np.bool_]:
    """Scan lines through pixel centres: a pixel is inside after an odd number of edges."""
    height, width = size
    crossings = np.zeros((height, width + 1), dtype=np.int32)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        if y1 > y2:  # both directions of a shared edge must round alike
            x1, y1, x2, y2 = x2, y2, x1, y1
        first, stop = (int(np.clip(np.ceil(y - 0.5), 0, height)) for y in (y1, y2))
        rows = np.arange(first, stop)
        x = x1 + (rows + 0.5 - y1) * ((x2 - x1) / (y2 - y1))
        np.add.at(crossings, (rows, np.clip(np.ceil(x - 0.5), 0, width).astype(int)), 1)
    inside: NDArray[np.bool_] = np.cumsum(crossings[:, :-1], axis=1) % 2 == 1
    return inside


def _read(path: Path, name: str) -> Any:
    if path.suffix.lower() not in {".json", ".npy"}:
        return read_mask(path)
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, allow_pickle=False)
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{name} cannot be read: {error}") from error


def _polygons(roi: Any, name: str) -> list[NDArray[np.float64]]:
    """One polygon or a list of them, as (N, 2) arrays."""
    try:
        nested = np.ndim(roi[0][0]) > 0
        polygons = [np.asarray(each, dtype=np.float64) for each in (roi if nested else [roi])]
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise _not_polygons(name) from error
    for polygon in polygons:
        if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3:
            raise _not_polygons(name)
        if not np.isfinite(polygon).all():
            raise DataError(f"{name} has a corner that is not a finite number")
    return polygons


def _not_polygons(name: str) -> DataError:
    return DataError(
        f"{name} is not a polygon: expected three or more [x, y] corners, or a list of such lists",
        hint="for example [[0, 0], [640, 0], [640, 200]] in pixels",
    )


def _by(size: Sequence[int]) -> str:
    return " x ".join(str(length) for length in reversed(size))
