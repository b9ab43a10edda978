"""Read regions of interest, given as polygons or masks."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.files import Polygon, polygons_mask, read_mask
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size
from crowdkit_core.parsing import parse_json

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
    name = _named(roi)
    if isinstance(roi, str | Path):
        roi = read_roi(roi)
    if isinstance(roi, np.ndarray | Tensor):
        mask = _mask(roi, name)
        if tuple(mask.shape) != tuple(size):
            raise DataError(
                f"{name}: the mask is {_by(mask.shape)} pixels, the image {_by(size)}",
                hint="a mask has one value per image pixel",
            )
    else:
        mask = _filled(polygons_of(roi, name), size, name)
    if not mask.any():
        raise DataError(f"{name} covers no pixel of the image ({_by(size)} pixels, width x height)")
    return mask


def as_polygons(roi: RoiLike) -> list[NDArray[np.float64]]:
    """The polygons of a region of an image that is too large for a mask.

    Args:
        roi: Polygons, or a JSON file of them.

    Raises:
        DataError: The region cannot be read, or is a mask.
    """
    name = _named(roi)
    if isinstance(roi, str | Path):
        roi = read_roi(roi)
    if isinstance(roi, np.ndarray | Tensor):
        raise DataError(
            f"{name} is a mask, and the image is too large for one", hint="give polygons, as JSON"
        )
    return polygons_of(roi, name)


def read_roi(path: str | Path) -> Tensor | NDArray[np.generic] | list[NDArray[np.float64]]:
    """The mask or the polygons in a file, whatever images they are for.

    Raises:
        DataError: The file cannot be read or holds no region.
    """
    path = Path(path)
    if path.suffix.lower() not in {".json", ".npy"}:
        return read_mask(path)
    if path.suffix.lower() == ".npy":
        return array_in(path, _named(path))
    try:
        polygons = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise unreadable(_named(path), error) from error
    return polygons_of(polygons, _named(path))


def array_in(path: Path, name: str) -> NDArray[np.generic]:
    """The array of a ``.npy`` file; mapped first, as a damaged header may ask for any size.

    Raises:
        DataError: It cannot be read; ``name`` is what the message calls it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy remarks on headers of Python 2
        try:
            return np.array(np.lib.format.open_memmap(path, mode="r"))
        except Exception as error:  # damage of the header shows as many kinds of error
            raise unreadable(name, error) from error


def unreadable(name: str, error: Exception) -> DataError:
    """That a file cannot be read, and the first line of why."""
    cause = (str(error) or type(error).__name__).splitlines()[0]
    return DataError(f"{name} cannot be read: {cause}")


def _mask(roi: NDArray[np.generic] | Tensor, name: str) -> Bool[Tensor, "H W"]:
    values = roi.detach().cpu().numpy() if isinstance(roi, Tensor) else roi
    if values.dtype.kind not in "biuf":
        raise DataError(f"{name} holds {values.dtype}, expected a mask of numbers")
    return torch.from_numpy(np.asarray(values != 0))


def _filled(polygons: Sequence[NDArray[np.float64]], size: Size, name: str) -> Bool[Tensor, "H W"]:
    try:
        return polygons_mask(polygons, size)
    except DataError as error:
        raise DataError(f"{name}: {error.message}") from error


def _named(roi: RoiLike) -> str:
    return f"region {str(roi)!r}" if isinstance(roi, str | Path) else "region"


def polygons_of(roi: Any, name: str) -> list[NDArray[np.float64]]:
    """One polygon or a list of them, as (N, 2) arrays.

    Raises:
        DataError: It is something else; ``name`` is what the message calls it.
    """
    try:
        nested = np.ndim(roi[0][0]) > 0
        polygons = [np.asarray(each, dtype=np.float64) for each in (roi if nested else [roi])]
    except (TypeError, ValueError, LookupError, OverflowError) as error:
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
