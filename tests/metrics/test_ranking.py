"""Average precision and recall."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.errors import DataError, ShapeError, UsageError
from crowdkit_core.interfaces import LocalizedPoints
from crowdkit_core.metrics import average_precision

NONE = torch.zeros(0, 2)


def found(*rows):
    """Points from (x, y, score)."""
    table = torch.tensor(rows).reshape(-1, 3)
    return LocalizedPoints(table[:, :2], table[:, 2])


@pytest.mark.parametrize(
    ("sigma", "threshold", "radius"),
    [
        (40, 0.5, 47.10),
        (40, 0.75, 30.34),
        (20, 0.5, 23.55),
        (20, 0.75, 15.17),
        (5, 0.5, 5.89),
        (5, 0.75, 3.79),
        (40 / math.sqrt(2), 0.5, 33.30),  # without the Gaussian's factor 2
        (40 / math.sqrt(2), 0.75, 21.45),
    ],
)
def test_match_radii_of_the_paper(sigma, threshold, radius):
    head = torch.tensor([[100.0, 100.0]])
    for offset, recall in ((-0.02, 1.0), (0.02, 0.0)):
        point = found((100 + radius + offset, 100, 0.9))
        assert average_precision([point], [head], sigma=sigma).recall_at(threshold) == recall


def test_interpolated_precision_by_hand():
    heads = torch.tensor([[0.0, 0.0], [100.0, 0.0], [200.0, 0.0], [300.0, 0.0]])
    ranked = found((0, 0, 0.9), (50, 50, 0.8), (100, 0, 0.7), (200, 0, 0.6), (55, 50, 0.5))
    result = average_precision([ranked], [heads], sigma=5)
    # Precisions 1, 1/2, 2/3, 3/4, 3/5 at recalls 1/4, 1/4, 1/2, 3/4, 3/4; the envelope is 1 up to
    # recall 0.25 (26 of 101 recalls), 3/4 up to 0.75 (50 more), then 0.
    assert result.precision_at(0.5) == pytest.approx((26 * 1 + 50 * 0.75) / 101)
    assert result.mean_precision == pytest.approx((26 * 1 + 50 * 0.75) / 101)
    assert result.recall_at(0.95) == result.mean_recall == 0.75


def test_images_are_pooled_by_score():
    head = torch.tensor([[10.0, 10.0]])
    images = [found((90, 90, 0.9)), found((10, 10, 0.5))]
    assert average_precision(images, [NONE, head], sigma=5).mean_precision == pytest.approx(0.5)
    images = [found((90, 90, 0.5)), found((10, 10, 0.9))]
    assert average_precision(images, [NONE, head], sigma=5).mean_precision == pytest.approx(1.0)


def test_strict_and_unmatched_nearest_head():
    heads = torch.tensor([[0.0, 0.0], [6.0, 0.0]])
    both_near_the_first = found((0, 0, 0.9), (1, 0, 0.8))
    strict = average_precision([both_near_the_first], [heads], sigma=20)
    assert strict.recall_at(0.5) == 0.5
    free = average_precision([both_near_the_first], [heads], sigma=20, nearest="unmatched")
    assert free.recall_at(0.5) == 1.0


def test_a_point_too_far_away_does_not_take_its_head():
    head = torch.tensor([[0.0, 0.0]])
    points = found((5, 0, 0.9), (1, 0, 0.8))
    for nearest in ("strict", "unmatched"):
        result = average_precision([points], [head], sigma=5, nearest=nearest)
        assert result.recall_at(0.75) == 1.0
        assert result.precision_at(0.75) == pytest.approx(0.5)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**16), st.integers(0, 12), st.integers(1, 12))
def test_agreement_with_one_point_at_a_time(seed, points, heads):
    random = torch.Generator().manual_seed(seed)
    xy = torch.rand(points, 2, generator=random) * 60
    people = torch.rand(heads, 2, generator=random) * 60
    score = torch.rand(points, generator=random)
    ours = {
        nearest: average_precision(
            [LocalizedPoints(xy, score)], [people], sigma=10, nearest=nearest
        )
        for nearest in ("strict", "unmatched")
    }
    for nearest, result in ours.items():
        for threshold, recall in zip(result.thresholds, result.recall, strict=True):
            free, hits = set(range(heads)), 0
            for i in score.argsort(descending=True).tolist():
                candidates = range(heads) if nearest == "strict" else free
                distances = {h: math.dist(xy[i].tolist(), people[h].tolist()) for h in candidates}
                head = min(distances, key=distances.get, default=None)
                if head in free and math.exp(-(distances[head] ** 2) / 200) > threshold:
                    free.remove(head)
                    hits += 1
            assert recall == pytest.approx(hits / heads)


def test_perfect_and_empty():
    heads = torch.tensor([[5.0, 5.0], [50.0, 5.0]])
    perfect = average_precision([found((5, 5, 0.2), (50, 5, 0.1))], [heads], sigma=5)
    assert perfect.precision == (1.0,) * 10
    assert average_precision([found()], [heads], sigma=5).mean_precision == 0
    assert average_precision([found()], [NONE], sigma=5).mean_precision == 1
    assert average_precision([found((1, 1, 0.5))], [NONE], sigma=5).mean_precision == 0


def test_bad_input_is_refused():
    with pytest.raises(ShapeError, match="1 sets of found points, 0 of heads"):
        average_precision([found()], [], sigma=5)
    with pytest.raises(UsageError, match="positive"):
        average_precision([found()], [NONE], sigma=0)
    with pytest.raises(UsageError, match=r"in \(0, 1\)"):
        average_precision([found()], [NONE], sigma=5, thresholds=(1.0,))
    with pytest.raises(UsageError, match="expected one of strict, unmatched"):
        average_precision([found()], [NONE], sigma=5, nearest="free")
    with pytest.raises(ShapeError, match="one a point"):
        average_precision([LocalizedPoints(torch.ones(2, 2), torch.ones(1))], [NONE], sigma=5)
    with pytest.raises(DataError, match="scores of found points hold one that is not a number"):
        average_precision([found((1, 1, 0.9), (2, 2, math.nan))], [NONE], sigma=5)
    for bare in (torch.ones(1, 2), torch.ones(1, 2).numpy(), [torch.ones(1, 2)]):
        with pytest.raises(ShapeError, match=r"are a \w+, expected LocalizedPoints of each image"):
            average_precision(bare, [NONE], sigma=5)
    with pytest.raises(ShapeError, match=r"heads are a ndarray, expected an \(N, 2\) tensor"):
        average_precision([found()], [NONE.numpy()], sigma=5)
    with pytest.raises(UsageError, match=r"nothing was scored at 0\.52"):
        average_precision([found()], [NONE], sigma=5).recall_at(0.52)
