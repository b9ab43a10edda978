"""One-to-one matching of found points with heads, and precision, recall and F1 from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree
from torch import Tensor

from crowdkit_core.errors import DataError, ShapeError, UsageError

FARTHEST = 1e100
"""Pixels; the largest coordinate of which squares and their sums are finite."""

Radius = float | Float[Tensor, " M"]
"""How far a found point may lie from a head, in pixels: one number, or one per head."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of a found point and a head.

    Attributes:
        predicted: (K,) indices of found points, ascending.
        actual: (K,) indices of the heads they are matched with.
        distance: (K,) pixels between the two.
    """

    predicted: Int64[Tensor, " K"]
    actual: Int64[Tensor, " K"]
    distance: Float64[Tensor, " K"]

    def __len__(self) -> int:
        return len(self.predicted)


@dataclass(frozen=True, slots=True)
class LocalizationScores:
    """Precision, recall and F1 pooled over images.

    Where nothing was found and nothing was there to find, all three are 1; any other ratio
    without a denominator is 0.

    Attributes:
        matched: Pairs of a found point and a head (true positives).
        predicted: Points found.
        actual: Heads annotated.
    """

    matched: int
    predicted: int
    actual: int

    @property
    def precision(self) -> float:
        """Share of found points that are matched."""
        return self._share(self.predicted)

    @property
    def recall(self) -> float:
        """Share of heads that are matched."""
        return self._share(self.actual)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return self._share((self.predicted + self.actual) / 2)

    def __add__(self, other: "LocalizationScores") -> "LocalizationScores":
        return LocalizationScores(
            self.matched + other.matched,
            self.predicted + other.predicted,
            self.actual + other.actual,
        )

    def _share(self, whole: float) -> float:
        if self.predicted == self.actual == 0:
            return 1.0
        return self.matched / whole if whole else 0.0


def localization_scores(
    predictions: Sequence[Float[Tensor, "N 2"]],
    targets: Sequence[Float[Tensor, "M 2"]],
    *,
    radius: float | Sequence[Float[Tensor, " M"]],
) -> LocalizationScores:
    """Precision, recall and F1 of found points, pooled over images.

    Points are paired by `match_points`. With radii of its own for each head this is the NWPU
    protocol; with 4 and 8 pixels, that of the ShanghaiTech localization tables.

    Args:
        predictions: Per image (N, 2) found points, pixels.
        targets: Per image (M, 2) heads, pixels.
        radius: Pixels; one number, or per image (M,) one for each head.

    Raises:
        ShapeError: Shapes or numbers of images differ.
        DataError: A coordinate is not finite, or above `FARTHEST`.
        UsageError: A radius is not a positive number.

    Example:
        >>> found, heads = torch.tensor([[1.0, 1.0], [9.0, 9.0]]), torch.tensor([[1.0, 2.0]])
        >>> scores = localization_scores([found], [heads], radius=4.0)
        >>> scores.precision, scores.recall
        (0.5, 1.0)
    """
    radii: Sequence[Radius] = radius if isinstance(radius, Sequence) else [radius] * len(targets)
    if not len(predictions) == len(targets) == len(radii):
        raise ShapeError(
            f"{len(predictions)} sets of found points, {len(targets)} of heads and "
            f"{len(radii)} of radii, expected one of each per image"
        )
    total = LocalizationScores(0, 0, 0)
    for found, heads, reach in zip(predictions, targets, radii, strict=True):
        matched = len(match_points(found, heads, radius=reach))
        total += LocalizationScores(matched, len(found), len(heads))
    return total


def match_points(
    predicted: Float[Tensor, "N 2"], actual: Float[Tensor, "M 2"], *, radius: Radius
) -> Matches:
    """Match as many found points with heads as possible, each at most once.

    A pair may lie at most ``radius`` apart. Of all matchings with the most pairs, the one with
    the least sum of distances (each over the longest radius) is taken. Only pairs within reach,
    found by a k-d tree, enter the assignment, which is solved sparsely.

    Args:
        predicted: (N, 2) found points, pixels.
        actual: (M, 2) heads, pixels.
        radius: Pixels; one number, or (M,) one for each head.

    Raises:
        ShapeError: Points are not (N, 2), or radii are not one per head.
        DataError: A coordinate is not finite, or above `FARTHEST`.
        UsageError: A radius is not a positive number.

    Example:
        >>> found = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
        >>> heads = torch.tensor([[2.0, 0.0], [4.0, 0.0]])
        >>> match_points(found, heads, radius=2.0).actual.tolist()
        [0, 1]
    """
    found, heads = as_coordinates(predicted, "found points"), as_coordinates(actual, "heads")
    reach = _radii(radius, len(heads))
    point, head, distance = pairs_within(found, heads, reach)
    chosen = _assign(point, head, distance / reach.max(initial=1e-300))
    return Matches(
        torch.from_numpy(point[chosen]),
        torch.from_numpy(head[chosen]),
        torch.from_numpy(distance[chosen]),
    )


def as_coordinates(points: Tensor, name: str) -> np.ndarray:
    """(N, 2) float64 coordinates on the CPU, finite and at most `FARTHEST`.

    Raises:
        ShapeError: Points are not an (N, 2) tensor.
        DataError: A coordinate is not finite, or too large.
    """
    if not isinstance(points, Tensor):
        raise ShapeError(f"{name} are a {type(points).__name__}, expected an (N, 2) tensor")
    if points.ndim != 2 or points.shape[1] != 2:
        raise ShapeError(f"{name} have shape {tuple(points.shape)}, expected (N, 2)")
    coordinates = points.detach().cpu().double().numpy()
    if not np.isfinite(coordinates).all():
        raise DataError(f"{name} hold coordinates that are not finite")
    farthest = coordinates.flat[np.abs(coordinates).argmax()] if coordinates.size else 0.0
    if abs(farthest) > FARTHEST:
        raise DataError(f"{name} hold the coordinate {farthest:g}, expected at most {FARTHEST:g}")
    return coordinates


def _radii(radius: Radius, heads: int) -> np.ndarray:
    radii = np.asarray(torch.as_tensor(radius, dtype=torch.float64).cpu())
    if radii.ndim > 1 or (radii.ndim == 1 and len(radii) != heads):
        raise ShapeError(f"radii have shape {radii.shape}, expected ({heads},), one per head")
    if not (np.isfinite(radii) & (radii > 0)).all():
        raise UsageError("a matching radius must be a positive number of pixels")
    return np.broadcast_to(radii, (heads,))


def pairs_within(
    found: np.ndarray, heads: np.ndarray, radii: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Point index, head index and distance in pixels of every pair within reach.

    Args:
        found: (N, 2) found points.
        heads: (M, 2) heads.
        radii: (M,) pixels a point may lie from each head.
    """
    if len(found) == 0 or len(heads) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    near = cKDTree(found).query_ball_point(heads, radii)
    head = np.repeat(np.arange(len(heads)), [len(each) for each in near])
    point = np.concatenate([np.asarray(each, np.int64) for each in near])
    return point, head, np.linalg.norm(found[point] - heads[head], axis=1)


def _assign(point: np.ndarray, head: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Indices of the chosen pairs, by point; ``cost`` lies in [0, 1].

    Rows are those of the fewer who have a pair at all: a map of noise may have many more points
    than there are heads. Every row also has a way out of its own that costs more than all pairs
    together: a full matching then always exists, and the cheapest one has the fewest ways out.
    """
    if len(point) == 0:
        return point
    sides = (np.unique(each, return_inverse=True) for each in (point, head))
    (rows, row), (columns, column) = sorted(sides, key=lambda side: len(side[0]))
    way_out = np.arange(len(rows))
    # One is added everywhere because the solver takes an explicit zero for no edge.
    costs = 1 + np.append(cost, np.full(len(rows), len(rows) + 1.0))
    ends = np.append(row, way_out), np.append(column, len(columns) + way_out)
    graph = csr_array((costs, ends), shape=(len(rows), len(columns) + len(rows)))
    matched_row, matched_column = min_weight_full_bipartite_matching(graph)
    partner = np.full(len(rows), -1)
    partner[matched_row] = matched_column
    chosen = np.flatnonzero(partner[row] == column)
    return chosen[np.argsort(point[chosen])]
