"""Measure the sizes of images, and of the crowds in them, that a counter was trained on."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree
from torch import Tensor

from crowdkit_core.data.transforms import LongSide
from crowdkit_core.inference import Sizing
from crowdkit_core.inference.scale import LEAST_PEOPLE, HeadDistance
from crowdkit_core.interfaces import Annotation, Dataset

MOST = (1, 99)
"""Percentiles between which most images are."""


def trained_sizing(dataset: Dataset) -> Sizing:
    """The sizes in which images suit a counter that was trained on a data set.

    The longer sides of most of its images, and how far heads are apart in most of its crowds, as
    the counter will be shown them; regions are not regarded.
    """
    annotations = [dataset.annotation(index) for index in range(len(dataset))]
    long_side = _long_side(annotations)
    sizing = Sizing.trained_on(long_side, None)
    distances = [_head_distance(each, sizing) for each in annotations]
    known = [distance for distance in distances if distance is not None]
    return Sizing.trained_on(long_side, _head_distances(known))


def _long_side(annotations: Sequence[Annotation]) -> LongSide:
    least, greatest = np.percentile([max(each.size) for each in annotations], MOST)
    return round(least), round(greatest)


def _head_distances(known: Sequence[float]) -> HeadDistance | None:
    if not known:
        return None
    least, greatest = np.percentile(known, MOST)
    return round(float(least), 1), round(float(greatest), 1)


def _head_distance(annotation: Annotation, sizing: Sizing) -> float | None:
    """Pixels from a head to its nearest neighbour, the median; None if the points do not say.

    Those of too few people do not, nor do those of a file that has every point twice.
    """
    points = annotation.points.as_subclass(Tensor).numpy()
    if len(points) < LEAST_PEOPLE:
        return None
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    enlarged = max(sizing.first(annotation.size)) / max(annotation.size)
    return float(np.median(nearest)) * enlarged or None
