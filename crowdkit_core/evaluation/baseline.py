"""The baseline of an evaluation: the same count for every image."""

from collections.abc import Sequence

from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Dataset, points_inside
from crowdkit_core.metrics import mae


def constant_baseline(train_counts: Sequence[float], actual: Sequence[float]) -> float:
    """MAE of predicting the training images' mean count for every image.

    Args:
        train_counts: People in each training image.
        actual: People in each evaluated image.

    Raises:
        UsageError: There is no training image.

    Example:
        >>> constant_baseline([10, 30], [15, 25, 20])
        3.3333333333333335
    """
    if not train_counts:
        raise UsageError("a baseline needs at least one training image")
    mean = sum(train_counts) / len(train_counts)
    return float(mae([mean] * len(actual), actual))


def annotated_counts(dataset: Dataset) -> list[int]:
    """People inside the region of each image, without decoding images."""
    annotations = (dataset.annotation(index) for index in range(len(dataset)))
    return [int(points_inside(each.points, each.roi).sum()) for each in annotations]
