"""From pixels to metres on the ground: a plane seen by a camera without distortion.

Such a camera maps the plane to the image by a homography, which four points of known place fix.
It is fitted by the normalised direct linear transform (Hartley and Zisserman, "Multiple View
Geometry", 2nd edition, 2004, algorithm 4.2), then by least squares of the distances in metres.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.distance import pdist, squareform

from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError, shown

Array = NDArray[np.float64]

FEWEST = 4
"""Points that a homography needs."""

WORST_FIT = 0.1
"""Share of the distances between points beyond which an error is a mistake."""

HEADS = 1.6
"""Metres above the ground of the middle of a standing adult's head."""

_IN_LINE = 1e-3
"""Smallest width of points over their length that is no line."""

_KEYS = frozenset({"points", "distances", "camera_height"})
_FORM = (
    '{"points": [{"image": [412, 300], "ground": [0, 0]}, ...]}, or {"points": [[412, 300], ...], '
    '"distances": [[1, 2, 5.0], ...]} of every two points, in metres'
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ground:
    """The plane that people stand on.

    Attributes:
        homography: (3, 3) from homogeneous pixels, corner convention, to metres; the third
            coordinate is positive on the ground, 0 on the horizon.
        points: How many points it was fitted to.
        residual: How far what was measured is from what the fit says, in metres: root of the mean
            square. None of four places, which always fit.
        source: What messages call it.
    """

    homography: Float[Array, "3 3"]
    points: int
    residual: float | None
    source: str = "ground"

    @classmethod
    def from_points(
        cls,
        image: Sequence[Sequence[float]] | Array,
        ground: Sequence[Sequence[float]] | Array,
        *,
        source: str = "ground",
    ) -> Self:
        """The ground through points of known place.

        Args:
            image: (N, 2) pixels (x, y), corner convention, at least four.
            ground: (N, 2) metres along two axes at right angles, of any origin and direction.
            source: What messages call it.

        Raises:
            DataError: Fewer than four points, points in a line, in another order than in the image,
                or in places that do not go together.

        Example:
            >>> square = [[0, 0], [100, 0], [100, 100], [0, 100]]
            >>> ground = Ground.from_points(square, [[0, 0], [5, 0], [5, 5], [0, 5]])
            >>> ground.metres([[50, 20]]).round(6).tolist()
            [[2.5, 1.0]]
        """
        pixels, metres = _pairs(image, source), _pairs(ground, source)
        if len(pixels) != len(metres):
            raise DataError(
                f"{source}: {len(pixels)} points in the image, {len(metres)} on the ground"
            )
        if len(pixels) < FEWEST:
            raise DataError(f"{source}: {len(pixels)} points, a plane needs {FEWEST} or more")
        _require_spread(pixels, f"{source}: the points of the image")
        _require_spread(metres, f"{source}: the points of the ground")
        homography = _towards(pixels, _direct(pixels, metres), source)
        if len(pixels) == FEWEST:
            return cls(homography=homography, points=FEWEST, residual=None, source=source)
        homography = _towards(pixels, _refined(homography, pixels, metres), source)
        fitted = cls(homography=homography, points=len(pixels), residual=None, source=source)
        errors = np.linalg.norm(fitted.metres(pixels) - metres, axis=1)
        _require_fit(errors, metres, source)
        return replace(fitted, residual=_root_mean_square(errors))

    @classmethod
    def from_distances(
        cls,
        image: Sequence[Sequence[float]] | Array,
        distances: Sequence[tuple[int, int, float]],
        *,
        source: str = "ground",
    ) -> Self:
        """The ground through points between which every distance is known.

        Args:
            image: (N, 2) pixels (x, y), corner convention, at least four.
            distances: Two points by their number, from 1, and metres between them; each pair once.
            source: What messages call it.

        Raises:
            DataError: As `from_points`; also where a distance is missing or not positive, or the
                distances contradict each other.
        """
        pixels = _pairs(image, source)
        table = _table(distances, len(pixels), source)
        places = _places(table, source)
        off = _root_mean_square(pdist(places) - squareform(table))
        fitted = cls.from_points(pixels, places, source=source)
        return replace(fitted, residual=max(off, fitted.residual or 0.0))

    def at_heads(self, camera_height: float) -> Self:
        """The plane of the heads, which are what is counted, above this ground.

        Seen from a camera, a head covers ground that lies behind the feet. So an outline on the
        ground holds the heads of people from a smaller area, by the square of the share of the
        camera's height that is above the heads. Places on this plane have an origin of their own.

        Args:
            camera_height: Metres of the camera above the ground.

        Raises:
            DataError: The camera is not above the heads.

        Example:
            >>> square = [[0, 0], [100, 0], [100, 100], [0, 100]]
            >>> ground = Ground.from_points(square, [[0, 0], [5, 0], [5, 5], [0, 5]])
            >>> ground.at_heads(8.0).metres([[50, 100]]).round(6).tolist()
            [[2.0, 4.0]]
        """
        if not (math.isfinite(camera_height) and camera_height > HEADS):
            raise DataError(
                f"{self.source}: a camera {camera_height:g} m above the ground, expected more than "
                f"the {HEADS:g} m of heads"
            )
        nearer = 1 - HEADS / camera_height
        return replace(self, homography=np.diag([nearer, nearer, 1.0]) @ self.homography)

    def metres(self, pixels: Sequence[Sequence[float]] | Array) -> Float[Array, "N 2"]:
        """(N, 2) where points of the image are on the ground; NaN from the horizon on."""
        mapped = _mapped(self.homography, np.asarray(pixels, dtype=np.float64))
        depth = np.where(mapped[:, 2] > 0, mapped[:, 2], np.nan)
        places: Array = mapped[:, :2] / depth[:, None]
        return places

    def strip_areas(
        self,
        y: Float[Array, "*n"],
        left: Float[Array, "*n"],
        right: Float[Array, "*n"],
        *,
        height: Float[Array, "*n"] | float = 1.0,
    ) -> Float[Array, "*n"]:
        """Square metres that flat strips of the image show; NaN for one that reaches the horizon.

        Exact along a strip, and by its middle across it.

        Args:
            y: Middle of each strip, in pixels.
            left: Where it begins.
            right: Where it ends.
            height: Of a strip.
        """
        across, down, rest = self.homography[2]
        begin, end = (across * x + down * y + rest for x in (left, right))
        nearest = np.minimum(begin, end) - abs(down) * height / 2
        begin, end = (np.where(nearest > 0, depth, np.nan) for depth in (begin, end))
        determinant = abs(float(np.linalg.det(self.homography)))
        # the integral of 1 / depth ** 3 where the depth goes evenly from begin to end
        mean: Array = (begin + end) / (2 * (begin * end) ** 2)
        return determinant * height * (right - left) * mean


GroundLike = str | Path | Ground
"""A file, or the ground itself."""


def as_ground(ground: GroundLike) -> Ground:
    """The ground, read if it is a file; errors as of `read_ground`."""
    return ground if isinstance(ground, Ground) else read_ground(ground)


def read_ground(path: str | Path) -> Ground:
    """Read the points of a JSON file.

    Either ``{"points": [{"image": [x, y], "ground": [X, Y]}, ...]}``, in pixels and metres, or
    ``{"points": [[x, y], ...], "distances": [[1, 2, metres], ...]}``. With ``"camera_height"``, in
    metres, it is the plane of the heads (`Ground.at_heads`).

    Raises:
        DataError: The file cannot be read or is something else, and as of `Ground.from_points`,
            `Ground.from_distances` and `Ground.at_heads`.
    """
    source = f"ground {str(path)!r}"
    file = TextFile(Path(path))
    if not file.text.strip():
        raise DataError(f"{source}: an empty file", hint=f"expected {_FORM}")
    content = file.json
    if not isinstance(content, dict) or not isinstance(content.get("points"), list):
        raise DataError(f"{source}: no list of points", hint=f"expected {_FORM}")
    if unknown := sorted(content.keys() - _KEYS):
        raise DataError(f"{source}: unknown key {shown(unknown[0])}", hint=f"expected {_FORM}")
    ground = _from_json(content, source)
    if "camera_height" not in content:
        return ground
    height = content["camera_height"]
    if isinstance(height, bool) or not isinstance(height, int | float):
        raise DataError(f"{source}: camera_height is {shown(height)}, expected metres")
    return ground.at_heads(float(height))


def _from_json(content: Mapping[str, Any], source: str) -> Ground:
    points = content["points"]
    if "distances" in content:
        return Ground.from_distances(points, content["distances"], source=source)
    try:
        image, ground = ([point[name] for point in points] for name in ("image", "ground"))
    except (TypeError, KeyError) as error:
        raise DataError(
            f"{source}: a point without its place in the image and on the ground",
            hint=f"expected {_FORM}",
        ) from error
    return Ground.from_points(image, ground, source=source)


def _pairs(values: Any, source: str) -> Array:
    try:
        pairs = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{source}: points {shown(values)}, expected pairs of numbers") from error
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise DataError(f"{source}: points {shown(values)}, expected pairs of numbers")
    if not np.isfinite(pairs).all():
        raise DataError(f"{source}: a point that is not finite")
    return pairs


def _require_spread(points: Array, name: str) -> None:
    """Refuse points of which all but one, or all, lie on a line: no plane is fixed by them."""
    for left_out in range(len(points)):
        rest = np.delete(points, left_out, axis=0)
        length, width = np.linalg.svd(rest - rest.mean(axis=0), compute_uv=False)
        if width <= _IN_LINE * length:
            raise DataError(
                f"{name} lie on a line, or all but one do",
                hint="take corners of an area, such as a large rectangle",
            )


def _towards(pixels: Array, homography: Array, source: str) -> Array:
    """The homography of norm 1 whose third coordinate is positive at all of its points."""
    depth = _mapped(homography, pixels)[:, 2]
    if not ((depth > 0).all() or (depth < 0).all()):
        raise DataError(
            f"{source}: no camera sees these points in these places: the horizon would lie "
            "between them",
            hint="are they in the same order in the image and on the ground?",
        )
    turned: Array = homography * np.sign(depth[0]) / np.linalg.norm(homography)
    return turned


def _root_mean_square(errors: Array) -> float:
    return math.sqrt(float((errors**2).mean()))


def _require_fit(errors: Array, metres: Array, source: str) -> None:
    if errors.max() > WORST_FIT * pdist(metres).mean():
        worst = int(errors.argmax())
        raise DataError(
            f"{source}: the points do not go together: point {worst + 1} is "
            f"{errors[worst]:.2f} m from where the others put it",
            hint="look whether it is where it should be, in the image and on the ground",
        )


def _direct(pixels: Array, metres: Array) -> Array:
    """The homography that is exact for four points, and near the best for more."""
    before, after = _normalising(pixels), _normalising(metres)
    x, y, one = _mapped(before, pixels).T
    u, v, _ = _mapped(after, metres).T
    zero = np.zeros_like(one)
    above = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], axis=1)
    below = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], axis=1)
    _, _, directions = np.linalg.svd(np.concatenate([above, below]))
    homography: Array = np.linalg.inv(after) @ directions[-1].reshape(3, 3) @ before
    return homography


def _refined(homography: Array, pixels: Array, metres: Array) -> Array:
    """The homography of least squared distances in metres, from a good first one."""
    before = _normalising(pixels)
    start = homography @ np.linalg.inv(before)
    start = start / np.linalg.norm(start)
    places = _mapped(before, pixels)

    def errors(values: Array) -> Array:
        mapped = places @ values.reshape(3, 3).T
        distances: Array = (mapped[:, :2] / mapped[:, 2:] - metres).ravel()
        return distances

    found = least_squares(errors, start.ravel(), method="trf")
    refined: Array = found.x.reshape(3, 3) @ before
    return refined


def _normalising(points: Array) -> Array:
    """Moves points to the origin, at a mean distance of the square root of 2."""
    middle = points.mean(axis=0)
    scale = math.sqrt(2) / np.linalg.norm(points - middle, axis=1).mean()
    moved = np.eye(3)
    moved[:2, 2] = -scale * middle
    moved[0, 0] = moved[1, 1] = scale
    return moved


def _mapped(homography: Array, points: Array) -> Array:
    mapped: Array = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return mapped


def _table(distances: Any, number: int, source: str) -> Array:
    """(N, N) distances between every two points."""
    table = np.full((number, number), np.nan)
    np.fill_diagonal(table, 0.0)
    for entry in distances if isinstance(distances, Sequence) else [distances]:
        try:
            first, second, metres = (float(value) for value in entry)
            pair = int(first) - 1, int(second) - 1
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{source}: distance {shown(entry)}, expected two numbers of points and metres"
            ) from error
        if not (min(pair) >= 0 and max(pair) < number and pair[0] != pair[1]):
            raise DataError(
                f"{source}: distance {shown(entry)}, expected two of the points 1 to {number}"
            )
        if not (math.isfinite(metres) and metres > 0):
            raise DataError(f"{source}: distance {shown(entry)}, expected metres above 0")
        table[pair] = table[pair[::-1]] = metres
    for first, second in combinations(range(number), 2):
        if np.isnan(table[first, second]):
            raise DataError(
                f"{source}: no distance between points {first + 1} and {second + 1}",
                hint="of four points, measure the four sides and both diagonals",
            )
    return table


def _places(table: Array, source: str) -> Array:
    """(N, 2) places of the least squared errors of these distances; refuses what has none."""
    number = len(table)
    centring = np.eye(number) - 1 / number
    values, directions = np.linalg.eigh(-0.5 * centring @ table**2 @ centring)
    start = directions[:, -2:] * np.sqrt(np.maximum(values[-2:], 0.0))  # classical scaling
    measured = squareform(table)
    found = least_squares(lambda flat: pdist(flat.reshape(-1, 2)) - measured, start.ravel())
    places: Array = found.x.reshape(-1, 2)
    off = np.abs(squareform(pdist(places)) - table)
    if off.max() > WORST_FIT * table.max():
        first, second = sorted(int(each) + 1 for each in np.unravel_index(off.argmax(), off.shape))
        raise DataError(
            f"{source}: the distances contradict each other by up to {off.max():.2f} m, such as "
            f"between points {first} and {second}",
            hint="measure again, or look whether the points are numbered as in the image",
        )
    return places
