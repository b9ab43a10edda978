"""Average precision of ranked points, at distances relative to how dense the crowd is."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.interfaces import LocalizedPoints, PointMetric
from crowdkit_core.metrics.matching import as_coordinates, pairs_within
from crowdkit_core.metrics.ranking import average_over_recalls, ranked_points

NEIGHBOURS = 3
"""Nearest heads whose mean distance says how dense the crowd is round a head."""

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 11))
"""0.05, 0.10, ..., 0.50."""

SHOWN = (0.05, 0.25, 0.5)
"""Thresholds with a column of their own."""


def normalized_average_precision(
    predictions: Sequence[LocalizedPoints],
    targets: Sequence[Float[Tensor, "M 2"]],
    *,
    thresholds: Sequence[float] = THRESHOLDS,
) -> tuple[float, ...]:
    """Average precision (nAP) of ranked points at each threshold.

    In descending confidence a found point takes, of the heads that are still free and nearer than
    ``threshold`` times their mean distance to their 3 nearest heads, the one that is relatively
    nearest; without one it is wrong. Images are pooled, and precision is averaged over recalls
    as in `average_precision`. Source: Song et al., Rethinking Counting and Localization in Crowds,
    ICCV 2021, section 4, which leaves open which free head is taken and the interpolation. Where a
    head has fewer neighbours their mean is taken; one that is alone is near to every point.

    Args:
        predictions: Per image found points with scores.
        targets: Per image (M, 2) heads, pixels.
        thresholds: Shares of the distance to neighbours, above 0.

    Raises:
        ShapeError: Shapes or numbers of images differ.
        DataError: A coordinate is not finite, or a score is not a number.
        UsageError: A threshold is not above 0.

    Example:
        >>> import torch
        >>> heads = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
        >>> found = LocalizedPoints(torch.tensor([[0.0, 2.0]]), torch.tensor([0.9]))
        >>> normalized_average_precision([found], [heads], thresholds=[0.25, 0.1])
        (0.504950495049505, 0.0)
    """
    if len(predictions) != len(targets):
        raise ShapeError(f"{len(predictions)} sets of found points and {len(targets)} of heads")
    if not thresholds or not all(0 < each < np.inf for each in thresholds):
        raise UsageError(f"thresholds {tuple(thresholds)}: expected numbers above 0")
    scores, right = [np.empty(0)], [np.zeros((len(thresholds), 0), bool)]
    for found, heads in zip(predictions, targets, strict=True):
        score, points = ranked_points(found)
        scores.append(score)
        right.append(_right(points, as_coordinates(heads, "heads"), thresholds))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    total = sum(len(heads) for heads in targets)
    hits = np.concatenate(right, axis=1)[:, order]
    return tuple(average_over_recalls(each, total)[0] for each in hits)


class NormalizedPrecision(PointMetric):
    """Average precision of ranked points at distances relative to their neighbours' (nAP).

    The function is `normalized_average_precision`.

    Reference: Song et al., Rethinking Counting and Localization in Crowds: A Purely Point-Based
    Framework, ICCV 2021, section 4
    """

    title = "density normalized AP"
    note = (
        "points ranked by score; right nearer than this share of a head's mean distance to its "
        f"{NEIGHBOURS} nearest heads; nAP: mean over 0.05, 0.10, ..., 0.50"
    )

    def over_images(
        self, found: Sequence[LocalizedPoints], heads: Sequence[Tensor]
    ) -> Mapping[str, Mapping[str, float]]:
        """The mean over all thresholds, and a few of them."""
        values = normalized_average_precision(found, heads)
        few = {f"nAP.{round(100 * t):02d}": values[THRESHOLDS.index(t)] for t in SHOWN}
        return {"all points": {"nAP": float(np.mean(values)), **few}}


def _right(points: np.ndarray, heads: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """(T, N) whether each ranked point is right at each threshold."""
    right = np.zeros((len(thresholds), len(points)), bool)
    spacing = _spacing(heads)
    point, head, distance = pairs_within(points, heads, max(thresholds) * spacing)
    with np.errstate(invalid="ignore"):  # heads in one place are 0 apart
        relative = distance / spacing[head]
    order = np.lexsort((relative, point))
    for hits, threshold in zip(right, thresholds, strict=True):
        near = order[relative[order] < threshold]
        free = [True] * len(heads)
        for rank, nearest in zip(point[near].tolist(), head[near].tolist(), strict=True):
            if free[nearest] and not hits[rank]:
                free[nearest], hits[rank] = False, True
    return right


def _spacing(heads: np.ndarray) -> np.ndarray:
    """(M,) mean distance in pixels to the nearest heads; infinite for one that is alone."""
    neighbours = min(NEIGHBOURS, len(heads) - 1)
    if neighbours < 1:
        return np.full(len(heads), np.inf)
    distance, _ = cKDTree(heads).query(heads, neighbours + 1)
    return np.asarray(distance[:, 1:].mean(1))
