"""How many found points can be matched with heads, as the matching radius grows."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow
from torch import Tensor

from crowdkit_core.errors import UsageError
from crowdkit_core.metrics.matching import as_coordinates, pairs_within


def matching_curve(
    predicted: Float[Tensor, "N 2"], actual: Float[Tensor, "M 2"], *, radii: Sequence[float]
) -> Int64[Tensor, " T"]:
    """The most pairs of a found point and a head at each of several radii, each used once.

    The numbers are those of `match_points`, which also says which pairs; a maximum matching alone
    takes far less time, and where two radii have equal numbers nothing between them is computed.

    Args:
        predicted: (N, 2) found points, pixels.
        actual: (M, 2) heads, pixels.
        radii: Pixels a pair may lie apart, ascending.

    Raises:
        ShapeError: Points are not (N, 2).
        DataError: A coordinate is not finite.
        UsageError: ``radii`` are not positive, or do not ascend.

    Example:
        >>> found = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
        >>> heads = torch.tensor([[2.0, 0.0], [4.0, 0.0]])
        >>> matching_curve(found, heads, radii=[1.0, 2.0]).tolist()
        [1, 2]
    """
    if not radii or radii[0] <= 0 or any(b <= a for a, b in pairwise(radii)):
        raise UsageError(f"matching radii {tuple(radii)}: expected positive numbers that ascend")
    found, heads = as_coordinates(predicted, "found points"), as_coordinates(actual, "heads")
    pairs = pairs_within(found, heads, np.full(len(heads), float(radii[-1])))
    numbers = np.zeros(len(radii), np.int64)

    def fill(first: int, last: int) -> None:
        """What lies between two radii whose numbers are known."""
        if numbers[first] == numbers[last]:
            numbers[first:last] = numbers[first]
        elif last - first > 1:
            middle = (first + last) // 2
            numbers[middle] = _most_pairs(*pairs, radii[middle])
            fill(first, middle)
            fill(middle, last)

    numbers[0], numbers[-1] = (_most_pairs(*pairs, radius) for radius in (radii[0], radii[-1]))
    fill(0, len(radii) - 1)
    return torch.from_numpy(numbers)


def _most_pairs(point: np.ndarray, head: np.ndarray, distance: np.ndarray, radius: float) -> int:
    """Size of a maximum matching: the greatest flow from a source through pairs to a sink."""
    near = distance <= radius
    if not near.any():
        return 0
    points, row = np.unique(point[near], return_inverse=True)
    heads, column = np.unique(head[near], return_inverse=True)
    rows, columns = 1 + np.arange(len(points)), 1 + len(points) + np.arange(len(heads))
    source, sink = 0, 1 + len(points) + len(heads)
    begin = np.concatenate([np.full(len(points), source), rows[row], columns])
    end = np.concatenate([rows, columns[column], np.full(len(heads), sink)])
    ends = begin.astype(np.int32), end.astype(np.int32)
    graph = csr_array((np.ones(len(begin), np.int32), ends), shape=(sink + 1, sink + 1))
    return int(maximum_flow(graph, source, sink).flow_value)
