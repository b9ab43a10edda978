"""Score counts over images, with intervals, as a whole and by number of people."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float64
from torch import Tensor

from crowdkit_core.errors import UsageError
from crowdkit_core.evaluation.bootstrap import Estimate, resampling_weights
from crowdkit_core.metrics import CountErrors

RANGES = (0, 100, 500, 5000)
"""Most people of each count range but the last, which is open: the levels of the NWPU benchmark
(nobody, 1 to 100, 101 to 500, 501 to 5000, more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Errors of one count over some images.

    Attributes:
        images: Number of images.
        people: Annotated people.
        images_without_people: Images that NAE leaves out.
        mae: Mean absolute error.
        rmse: Root mean squared error, which papers of this field print as "MSE".
        nae: Mean of absolute error over count, over images with people; NaN if there is none.
        game: GAME(0) to GAME(3) of the density map; empty where there is none.
    """

    images: int
    people: int
    images_without_people: int
    mae: Estimate
    rmse: Estimate
    nae: Estimate
    game: tuple[Estimate, ...] = ()


@dataclass(frozen=True, slots=True)
class RangeScores:
    """Scores of the images with ``low`` to ``high`` people (both included; None: no limit)."""

    low: int
    high: int | None
    scores: Scores


@dataclass(frozen=True, slots=True)
class GroupScores:
    """Scores of the images of one ``group``, as the dataset names it."""

    group: str
    scores: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMeans:
    """Errors averaged over groups, whatever their size, as over the scenes of WorldExpo'10.

    Attributes:
        groups: Number of groups.
        mae: Mean of the groups' MAE.
        rmse: Mean of the groups' RMSE.
    """

    groups: int
    mae: Estimate
    rmse: Estimate


def score(
    predicted: Sequence[float],
    actual: Sequence[int],
    game: Float64[Tensor, "levels B"] | None = None,
    *,
    seed: int = 0,
) -> Scores:
    """Score at least one image.

    Args:
        predicted: Estimated people of each image.
        actual: Annotated people of each image.
        game: GAME of each image at each level.
        seed: Of the bootstrap.
    """
    weights = resampling_weights(len(actual), seed=seed)
    each = CountErrors.by_image(predicted, actual)
    total, resampled = CountErrors(each.sums.sum(0)), CountErrors(weights @ each.sums)
    levels = () if game is None else game
    return Scores(
        images=len(actual),
        people=sum(actual),
        images_without_people=int(total.images_without_people),
        mae=Estimate.of(total.mae, resampled.mae),
        rmse=Estimate.of(total.rmse, resampled.rmse),
        nae=Estimate.of(total.nae, resampled.nae),
        game=tuple(Estimate.of(level.mean(), weights @ level / len(actual)) for level in levels),
    )


def score_by_range(
    predicted: Sequence[float],
    actual: Sequence[int],
    game: Float64[Tensor, "levels B"] | None = None,
    *,
    ranges: Sequence[int] = RANGES,
    seed: int = 0,
) -> tuple[RangeScores, ...]:
    """Score the images of each count range that has any.

    Args:
        predicted: Estimated people of each image.
        actual: Annotated people of each image.
        game: GAME of each image at each level.
        ranges: Most people of each range but the last, ascending.
        seed: Of the bootstrap.

    Raises:
        UsageError: ``ranges`` do not ascend from 0 or more.

    Example:
        >>> [(part.low, part.high) for part in score_by_range([0.0, 9.0], [0, 7])]
        [(0, 0), (1, 100)]
    """
    if any(high <= low for low, high in pairwise((-1, *ranges))):
        raise UsageError(f"count ranges {tuple(ranges)} must ascend from 0 or more")
    people = torch.tensor(actual)
    level_of = torch.bucketize(people, torch.tensor(ranges, dtype=people.dtype))
    lows, highs = [0, *(high + 1 for high in ranges)], [*ranges, None]
    parts = []
    for level, (low, high) in enumerate(zip(lows, highs, strict=True)):
        chosen = torch.nonzero(level_of == level)[:, 0]
        if len(chosen):
            part = _score_some(chosen.tolist(), predicted, actual, game, seed)
            parts.append(RangeScores(low, high, part))
    return tuple(parts)


def score_by_group(
    predicted: Sequence[float],
    actual: Sequence[int],
    groups: Sequence[str],
    game: Float64[Tensor, "levels B"] | None = None,
    *,
    seed: int = 0,
) -> tuple[GroupScores, ...]:
    """Score the images of each group, in the order in which groups occur.

    Args:
        predicted: Estimated people of each image.
        actual: Annotated people of each image.
        groups: Group of each image; those without a name are in none.
        game: GAME of each image at each level.
        seed: Of the bootstrap.

    Example:
        >>> [part.group for part in score_by_group([0.0, 9.0, 1.0], [0, 7, 1], ["b", "a", "b"])]
        ['b', 'a']
    """
    return tuple(
        GroupScores(group, _score_some(images, predicted, actual, game, seed))
        for group, images in _images_by_group(groups).items()
    )


def mean_over_groups(
    predicted: Sequence[float],
    actual: Sequence[int],
    groups: Sequence[str],
    *,
    seed: int = 0,
) -> GroupMeans | None:
    """Average errors over groups; None without any. Images are resampled within their group.

    Arguments as of `score_by_group`.
    """
    parts = _images_by_group(groups).values()
    if not parts:
        return None
    totals, resamples = [], []
    for number, images in enumerate(parts):
        sums = CountErrors.by_image(*_some(images, predicted, actual)).sums
        totals.append(CountErrors(sums.sum(0)))
        # Groups of one size must not be resampled alike.
        resamples.append(CountErrors(resampling_weights(len(images), seed=seed + number) @ sums))
    return GroupMeans(
        groups=len(parts),
        mae=Estimate.of(_mean([t.mae for t in totals]), _mean([r.mae for r in resamples])),
        rmse=Estimate.of(_mean([t.rmse for t in totals]), _mean([r.rmse for r in resamples])),
    )


def _images_by_group(groups: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for image, group in enumerate(groups):
        if group:
            found.setdefault(group, []).append(image)
    return found


def _score_some(
    images: list[int],
    predicted: Sequence[float],
    actual: Sequence[int],
    game: Float64[Tensor, "levels B"] | None,
    seed: int,
) -> Scores:
    part = None if game is None else game[:, images]
    return score(*_some(images, predicted, actual), part, seed=seed)


def _some(
    images: list[int], predicted: Sequence[float], actual: Sequence[int]
) -> tuple[list[float], list[int]]:
    return [predicted[i] for i in images], [actual[i] for i in images]


def _mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean(0)
