"""Merging by ownership: against a map that notes every pixel's owner."""

import numpy as np
import pytest
import torch
from crowdkit_raznet.ownership import merge_by_ownership, owners
from crowdkit_raznet.regions import Regions
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.interfaces import LocalizedPoints

SIZE = (30, 40)


def regions(*boxes):
    number = len(boxes)
    return Regions(
        torch.tensor(boxes, dtype=torch.long).reshape(number, 4),
        torch.linspace(1, 0.5, number).double(),
    )


def points(*rows):
    """Points from (x, y, score)."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 3)
    return LocalizedPoints(table[:, :2], table[:, 2])


def random_boxes(random, number):
    x0, y0 = random.integers(0, SIZE[1] - 1, number), random.integers(0, SIZE[0] - 1, number)
    x1, y1 = random.integers(x0 + 1, SIZE[1] + 1), random.integers(y0 + 1, SIZE[0] + 1)
    return np.stack([x0, y0, x1, y1], axis=1).tolist()


def random_points(random, box, number):
    """Points inside a box, best first, some of them on whole pixels."""
    xy = random.uniform(box[:2], box[2:], (number, 2))
    xy = np.where(random.random((number, 1)) < 0.3, np.floor(xy), xy)
    score = np.sort(random.random(number))[::-1].copy()
    return LocalizedPoints(torch.from_numpy(xy).float(), torch.from_numpy(score).float())


def owner_map(boxes):
    owner = np.full(SIZE, len(boxes))
    for index in reversed(range(len(boxes))):
        x0, y0, x1, y1 = boxes[index]
        owner[y0:y1, x0:x1] = index
    return owner


crowds = {"seed": st.integers(0, 2**16), "number": st.integers(0, 6)}


@settings(deadline=None, max_examples=50)
@given(**crowds)
def test_every_point_comes_from_the_owner_of_its_pixel(seed, number):
    random = np.random.default_rng(seed)
    boxes = random_boxes(random, number)
    whole = random_points(random, [0, 0, SIZE[1] - 1e-3, SIZE[0] - 1e-3], 25)
    closer = [random_points(random, np.array(box) - [0, 0, 1e-3, 1e-3], 8) for box in boxes]
    merged = merge_by_ownership(whole, regions(*boxes), closer)
    owner = owner_map(boxes)
    expected = []
    for index, found in enumerate([*closer, whole]):
        for (x, y), score in zip(found.xy.tolist(), found.score.tolist(), strict=True):
            if owner[int(y), int(x)] == index:
                expected.append((x, y, score))
    ours = [(*xy, s) for xy, s in zip(merged.xy.tolist(), merged.score.tolist(), strict=True)]
    assert sorted(ours) == sorted(expected)
    assert (merged.score.diff() <= 0).all()


@settings(deadline=None, max_examples=50)
@given(**crowds)
def test_nobody_is_counted_twice_or_lost(seed, number):
    """Where every look finds the same people, merging them changes nothing."""
    random = np.random.default_rng(seed)
    boxes = random_boxes(random, number)
    people = random_points(random, [0, 0, *SIZE[::-1]], 40)
    seen = []
    for x0, y0, x1, y1 in boxes:
        x, y = people.xy.T
        inside = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
        seen.append(LocalizedPoints(people.xy[inside], people.score[inside]))
    merged = merge_by_ownership(people, regions(*boxes), seen)
    assert sorted(merged.xy.tolist()) == sorted(people.xy.tolist())
    torch.testing.assert_close(merged.score, people.score)


def test_the_first_region_owns_the_overlap():
    both = regions([0, 0, 10, 10], [5, 0, 15, 10])
    first, second = points((7, 5, 0.3)), points((8, 5, 0.9), (12, 5, 0.2))
    merged = merge_by_ownership(points((6, 6, 0.8), (30, 6, 0.1)), both, [first, second])
    assert merged.xy.tolist() == [[7, 5], [12, 5], [30, 6]]
    assert merged.score.tolist() == pytest.approx([0.3, 0.2, 0.1])


def test_a_region_that_finds_nobody_clears_its_place():
    merged = merge_by_ownership(points((3, 3, 0.8)), regions([0, 0, 10, 10]), [points()])
    assert merged.xy.shape == (0, 2)


def test_without_regions_nothing_changes():
    found = points((3, 3, 0.8), (9, 3, 0.2))
    merged = merge_by_ownership(found, regions(), [])
    assert torch.equal(merged.xy, found.xy)
    assert torch.equal(merged.score, found.score)


def test_boxes_hold_their_left_and_top_borders():
    xy = torch.tensor([[2.0, 3.0], [5.0, 3.0], [2.0, 7.0], [4.99, 6.99]])
    assert owners(xy, torch.tensor([[2, 3, 5, 7]])).tolist() == [0, 1, 1, 0]


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu():
    random = np.random.default_rng(0)
    boxes = random_boxes(random, 5)
    whole = random_points(random, [0, 0, *SIZE[::-1]], 50)
    closer = [random_points(random, box, 9) for box in boxes]

    def cuda(found):
        return LocalizedPoints(found.xy.cuda(), found.score.cuda())

    here = merge_by_ownership(whole, regions(*boxes), closer)
    there = Regions(regions(*boxes).boxes.cuda(), regions(*boxes).attention.cuda())
    merged = merge_by_ownership(cuda(whole), there, [cuda(each) for each in closer])
    assert merged.xy.is_cuda
    assert torch.equal(here.xy, merged.xy.cpu())
