"""Average precision and recall of points ranked by confidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor

from crowdkit_core.errors import DataError, ShapeError, UsageError
from crowdkit_core.interfaces import LocalizedPoints, PointMetric
from crowdkit_core.metrics.matching import as_coordinates

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.50, 0.55, ..., 0.95."""

SIGMAS = (40.0, 20.0, 5.0)
"""Pixels; how far apart points may lie in the average precision of RAZNet (CVPR 2019)."""

Nearest = Literal["strict", "unmatched"]


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """Average precision and final recall at each affinity threshold.

    Without a head in the whole set both are 1 if nothing was found, and 0 otherwise.

    Attributes:
        thresholds: Affinities in (0, 1) above which a pair counts.
        precision: Average precision at each threshold.
        recall: Recall of the whole ranking at each threshold.
    """

    thresholds: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]

    @property
    def mean_precision(self) -> float:
        """Mean over the thresholds (mAP)."""
        return float(np.mean(self.precision))

    @property
    def mean_recall(self) -> float:
        """Mean over the thresholds (mAR)."""
        return float(np.mean(self.recall))

    def precision_at(self, threshold: float) -> float:
        """Average precision at one threshold, 0.5 for AP.50.

        Raises:
            UsageError: It is none of ``thresholds``.
        """
        return self.precision[self._index(threshold)]

    def recall_at(self, threshold: float) -> float:
        """Recall at one threshold, 0.5 for AR.50; errors as of `precision_at`."""
        return self.recall[self._index(threshold)]

    def _index(self, threshold: float) -> int:
        if threshold not in self.thresholds:
            raise UsageError(f"nothing was scored at {threshold}, only at {self.thresholds}")
        return self.thresholds.index(threshold)


def average_precision(
    predictions: Sequence[LocalizedPoints],
    targets: Sequence[Float[Tensor, "M 2"]],
    *,
    sigma: float,
    nearest: Nearest = "strict",
    thresholds: tuple[float, ...] = THRESHOLDS,
) -> AveragePrecision:
    """Average precision and recall of ranked points.

    In descending confidence each found point looks at its nearest head; it is right if that head
    is still free and the affinity ``exp(-d^2 / (2 sigma^2))`` exceeds the threshold. Images are
    pooled; precision is made monotone and averaged over the recalls 0, 0.01, ..., 1.
    Source: Liu, Weng and Mu, CVPR 2019, section 4.2, which leaves open the Gaussian's factor 2
    (here as in COCO keypoints) and the interpolation (here as in COCO). Without the factor 2 the
    same affinities belong to ``sigma / sqrt(2)``.

    Args:
        predictions: Per image found points with scores, as localizers give them.
        targets: Per image (M, 2) heads, pixels.
        sigma: Pixels; the paper uses 40, 20 and 5.
        nearest: Which head a point looks at: ``strict`` the nearest of all (the paper's text), or
            the nearest still ``unmatched``.
        thresholds: Affinities in (0, 1).

    Raises:
        ShapeError: Numbers of images differ, predictions are no `LocalizedPoints`, points are not
            (N, 2), or scores not one per point.
        DataError: A coordinate is not finite or far too large, or a score is not a number.
        UsageError: ``sigma`` is not positive, ``nearest`` unknown, or a threshold not in (0, 1).

    Example:
        >>> import torch
        >>> found = LocalizedPoints(torch.tensor([[4.0, 4.0]]), torch.tensor([0.9]))
        >>> average_precision([found], [torch.tensor([[4.0, 4.0]])], sigma=5).mean_precision
        1.0
    """
    if len(predictions) != len(targets):
        raise ShapeError(f"{len(predictions)} sets of found points, {len(targets)} of heads")
    if not sigma > 0 or not all(0 < threshold < 1 for threshold in thresholds):
        raise UsageError(f"sigma {sigma} must be positive and thresholds {thresholds} in (0, 1)")
    if nearest not in _MATCHERS:
        raise UsageError(f"nearest is {nearest!r}, expected one of {', '.join(_MATCHERS)}")
    radii = sigma * np.sqrt(-2 * np.log(thresholds))
    scores, right = [np.empty(0)], [np.empty((len(thresholds), 0), bool)]
    for found, heads in zip(predictions, targets, strict=True):
        score, points = ranked_points(found)
        scores.append(score)
        right.append(_MATCHERS[nearest](points, as_coordinates(heads, "heads"), radii))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    total = sum(len(heads) for heads in targets)
    curves = [average_over_recalls(hits[order], total) for hits in np.concatenate(right, axis=1)]
    precisions, recalls = zip(*curves, strict=True)
    return AveragePrecision(thresholds, precisions, recalls)


class RankedPrecision(PointMetric):
    """Average precision and recall of points ranked by their score.

    The function is `average_precision`.

    Reference: Liu, Weng and Mu, Recurrent Attentive Zooming for Joint Crowd Counting and Precise
    Localization, CVPR 2019, section 4.2

    Args:
        sigmas: Pixels; a row of the table for each.
    """

    title = "average precision"
    note = "points ranked by score; pixels are sigma of the affinity exp(-d^2 / (2 sigma^2))"

    def __init__(self, *, sigmas: tuple[float, ...] = SIGMAS) -> None:
        self.sigmas = sigmas

    def over_images(
        self, found: Sequence[LocalizedPoints], heads: Sequence[Tensor]
    ) -> Mapping[str, Mapping[str, float]]:
        """At each sigma: means over the thresholds, and the values at 0.5 and 0.75."""
        return {
            f"{sigma:g} px": _summary(average_precision(found, heads, sigma=sigma))
            for sigma in self.sigmas
        }


def _summary(scores: AveragePrecision) -> dict[str, float]:
    return {
        "mAP": scores.mean_precision,
        "AP.50": scores.precision_at(0.5),
        "AP.75": scores.precision_at(0.75),
        "mAR": scores.mean_recall,
        "AR.50": scores.recall_at(0.5),
        "AR.75": scores.recall_at(0.75),
    }


def ranked_points(found: LocalizedPoints) -> tuple[np.ndarray, np.ndarray]:
    """Scores in descending order, and their points."""
    if not isinstance(found, LocalizedPoints):
        raise ShapeError(
            f"found points are a {type(found).__name__}, expected LocalizedPoints of each image"
        )
    points = as_coordinates(found.xy, "found points")
    score = found.score.detach().cpu().double().numpy()
    if score.shape != (len(points),):
        raise ShapeError(f"scores have shape {score.shape}, expected ({len(points)},), one a point")
    if np.isnan(score).any():
        raise DataError("scores of found points hold one that is not a number")
    ranking = np.argsort(-score, kind="stable")
    return score[ranking], points[ranking]


def _match_strict(points: np.ndarray, heads: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """(T, N) whether each ranked point is right at each radius, by its nearest head of all."""
    right = np.zeros((len(radii), len(points)), bool)
    if len(points) and len(heads):
        distance, head = cKDTree(heads).query(points)
        for hits, radius in zip(right, radii, strict=True):
            near = np.flatnonzero(distance < radius)
            hits[near[np.unique(head[near], return_index=True)[1]]] = True
    return right


def _match_unmatched(points: np.ndarray, heads: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """(T, N) whether each ranked point is right at each radius, by its nearest free head."""
    right = np.zeros((len(radii), len(points)), bool)
    if len(points) and len(heads):
        neighbours = list(_neighbours(points, heads, radii.max()))
        for hits, radius in zip(right, radii, strict=True):
            free = [True] * len(heads)
            for rank, nearby in enumerate(neighbours):
                head = next((h for h, d in nearby if free[h] and d < radius), None)
                if head is not None:
                    free[head], hits[rank] = False, True
    return right


_MATCHERS = {"strict": _match_strict, "unmatched": _match_unmatched}


def _neighbours(
    points: np.ndarray, heads: np.ndarray, radius: float
) -> Iterator[list[tuple[int, float]]]:
    """Per point, heads within a radius and their distances, nearest first."""
    for point, near in zip(points, cKDTree(heads).query_ball_point(points, radius), strict=True):
        distance = np.linalg.norm(heads[near] - point, axis=1)
        yield sorted(zip(near, distance.tolist(), strict=True), key=lambda pair: pair[1])


def average_over_recalls(right: np.ndarray, heads: int) -> tuple[float, float]:
    """Average precision over 101 recalls, and the final recall."""
    if heads == 0 or len(right) == 0:
        value = float(heads == len(right) == 0)
        return value, value
    hits = np.cumsum(right)
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    # In whole hundredths of a head, so that a recall such as 0.29 is not missed by rounding.
    first = np.searchsorted(hits * 100, np.arange(101) * heads)
    return float(np.append(precision, 0.0)[first].mean()), float(hits[-1] / heads)
