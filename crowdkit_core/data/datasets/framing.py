"""Keep annotated points inside the frame of their image."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crowdkit_core.errors import DataError, OutsideError
from crowdkit_core.interfaces import Size

_FEW = 3
"""Points from which on it is no accident that all lie in one pixel."""


def overhang_allowed(size: Size) -> float:
    """How far outside the frame a point may lie and still be a person at its border, in pixels.

    Five per cent of the longer side, and at least 10 pixels.

    Example:
        >>> overhang_allowed((768, 1024))
        51.2
    """
    return max(10.0, 0.05 * max(size))


def frame_points(
    xy: NDArray[np.float64],
    size: Size,
    *,
    source: str | Path,
    overhang: float | None = None,
) -> tuple[NDArray[np.float64], int]:
    """Points inside the frame; those a little outside are moved onto its border, none is lost.

    Args:
        xy: (N, 2) pixels, corner convention.
        size: (H, W) of the image.
        source: The annotation, named in errors.
        overhang: Pixels a point may lie outside; None for `overhang_allowed`.

    Returns:
        (N, 2) points in ``[0, W] x [0, H]``, and how many were moved.

    Raises:
        DataError: A coordinate is not finite.
        OutsideError: A point lies further outside than ``overhang``.

    Example:
        >>> points, moved = frame_points(np.array([[3.0, -0.25]]), (4, 8), source="a.csv")
        >>> points.tolist(), moved
        ([[3.0, 0.0]], 1)
    """
    unknown = ~np.isfinite(xy).all(axis=1)
    if unknown.any():
        index = int(unknown.argmax())
        raise DataError(
            f"{source}: point {index + 1} is ({_show(xy[index])}), expected finite numbers"
        )
    allowed = overhang_allowed(size) if overhang is None else overhang
    far = _distance_outside(xy, size) > allowed
    if far.any():
        raise _outside(xy, size, source, far, allowed)
    corner = np.array([size[1], size[0]], dtype=np.float64)
    framed = np.clip(xy, 0.0, corner)
    moved = int((framed != xy).any(axis=1).sum())
    return framed, moved


def require_pixels(xy: NDArray[np.float64], source: str | Path) -> None:
    """Refuse points that are shares of the image.

    Args:
        xy: (N, 2) as annotated.
        source: The annotation, named in errors.

    Raises:
        DataError: Several points all lie in the first pixel.
    """
    places = np.unique(xy, axis=0)
    shares = bool(((places >= 0) & (places <= 1)).all())
    if len(places) >= _FEW and shares and not (places == np.round(places)).all():
        raise DataError(
            f"{source}: all {len(xy)} points lie in the first pixel",
            hint="are they shares of the image? multiply x by its width and y by its height",
        )


def _distance_outside(xy: NDArray[np.float64], size: Size) -> NDArray[np.float64]:
    corner = np.array([size[1], size[0]], dtype=np.float64)
    distance: NDArray[np.float64] = np.maximum(-xy, xy - corner).max(axis=1, initial=-np.inf)
    return distance


def _outside(
    xy: NDArray[np.float64],
    size: Size,
    source: str | Path,
    far: NDArray[np.bool_],
    allowed: float,
) -> OutsideError:
    index = int(far.argmax())
    swapped = bool((_distance_outside(xy[:, ::-1], size) <= 0).all())
    return OutsideError(
        f"{source}: point {index + 1} at ({_show(xy[index])}) is outside the image of "
        f"{size[1]} x {size[0]} pixels by more than {allowed:g} ({int(far.sum())} of {len(xy)} "
        "points are)",
        hint="x and y seem to be swapped: every point fits the other way round"
        if swapped
        else "is this the annotation of another image, or of another size of it?",
        swapped=swapped,
    )


def _show(point: NDArray[np.float64]) -> str:
    return f"{point[0]:g}, {point[1]:g}"
