"""Region search: against loops over pixels and boxes."""

import numpy as np
import pytest
import torch
from crowdkit_raznet.regions import anchors, box_means, propose_regions
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.training.seeding import deterministic_algorithms

sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def blobs(size, seed):
    """A map with a few peaks of different heights in [0, 1]."""
    random = np.random.default_rng(seed)
    row, column = np.mgrid[: size[0], : size[1]]
    attention = np.zeros(size)
    for _ in range(3):
        y, x = random.uniform(0, size)
        attention += random.uniform(0, 0.3) * np.exp(-((row - y) ** 2 + (column - x) ** 2) / 60)
    return torch.from_numpy(attention).float()


def overlap(one, other):
    """Intersection over union of two boxes, from the pixels they hold."""
    cells = [{(x, y) for x in range(b[0], b[2]) for y in range(b[1], b[3])} for b in (one, other)]
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1])


@settings(deadline=None, max_examples=30)
@given(size=sizes, seed=st.integers(0, 2**16))
def test_means_of_boxes(size, seed):
    random = np.random.default_rng(seed)
    values = torch.rand(size, generator=seeded(seed))
    x0, y0 = random.integers(0, size[1], 20), random.integers(0, size[0], 20)
    x1, y1 = random.integers(x0 + 1, size[1] + 1), random.integers(y0 + 1, size[0] + 1)
    boxes = torch.from_numpy(np.stack([x0, y0, x1, y1], axis=1))
    expected = [values[b[1] : b[3], b[0] : b[2]].double().mean() for b in boxes.tolist()]
    np.testing.assert_allclose(box_means(values, boxes), expected, atol=1e-9)


def test_small_boxes_of_large_maps_are_exact():
    values = torch.rand(1500, 1500, generator=seeded(0))
    values[-1, -1] = 1e-4
    mean = box_means(values, torch.tensor([[1499, 1499, 1500, 1500]]))
    assert mean.item() == pytest.approx(1e-4, rel=1e-4)


def test_six_anchors_round_a_pixel():
    boxes = anchors(torch.tensor([[500, 450]]), (900, 1200))
    width, height = (boxes[:, 2] - boxes[:, 0]).double(), (boxes[:, 3] - boxes[:, 1]).double()
    assert torch.allclose(height / width, torch.tensor([1, 0.5, 2] * 2).double(), rtol=0.01)
    area = torch.tensor([300.0**2] * 3 + [600.0**2] * 3).double()
    assert torch.allclose(height * width, area, rtol=0.01)
    assert boxes[0].tolist() == [350, 300, 650, 600]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 - torch.tensor([500, 450])
    assert middle.abs().max() <= 0.5


@settings(deadline=None, max_examples=30)
@given(size=sizes, seed=st.integers(0, 2**16))
def test_anchors_hold_their_pixel_and_stay_inside(size, seed):
    random = np.random.default_rng(seed)
    pixel = random.integers(0, size[1]), random.integers(0, size[0])
    boxes = anchors(torch.tensor([pixel]), size)
    assert boxes.shape == (6, 4)
    for x0, y0, x1, y1 in boxes.tolist():
        assert 0 <= x0 <= pixel[0] < x1 <= size[1]
        assert 0 <= y0 <= pixel[1] < y1 <= size[0]


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(st.integers(6, 40), st.integers(6, 40)),
    seed=st.integers(0, 2**16),
    iou=st.sampled_from([0.2, 0.5, 0.8]),
    keep=st.integers(1, 6),
)
def test_the_search_is_the_greedy_one(size, seed, iou, keep):
    attention = blobs(size, seed)
    found = propose_regions(
        attention, generator=seeded(seed), samples=12, threshold=0.03, iou=iou, keep=keep
    )
    pixels = torch.randint(size[0] * size[1], (12,), generator=seeded(seed))
    centres = torch.tensor([[pixel % size[1], pixel // size[1]] for pixel in pixels.tolist()])
    ranked = []
    for x0, y0, x1, y1 in anchors(centres, size).tolist():
        mean = attention[y0:y1, x0:x1].double().mean().item()
        if mean >= 0.03:
            ranked.append((mean, (x0, y0, x1, y1)))
    ranked.sort(key=lambda each: -each[0])
    expected = []
    for mean, box in ranked:
        if all(overlap(box, kept) <= iou for _, kept in expected):
            expected.append((mean, box))
    expected = expected[:keep]
    np.testing.assert_allclose(found.attention, [mean for mean, _ in expected], atol=1e-9)
    for ours, (mean, box) in zip(found.boxes.tolist(), expected, strict=True):
        equally_good = [b for m, b in ranked if m == pytest.approx(mean, abs=1e-9)]
        assert tuple(ours) in equally_good or tuple(ours) == box


@settings(deadline=None, max_examples=25)
@given(size=sizes, seed=st.integers(0, 2**16))
def test_regions_keep_their_promises(size, seed):
    found = propose_regions(blobs(size, seed), generator=seeded(seed))
    boxes = found.boxes.tolist()
    assert len(boxes) == len(found.attention) <= 10
    assert (found.attention >= 0.01).all()
    assert (found.attention.diff() <= 0).all()
    for i, one in enumerate(boxes):
        assert 0 <= one[0] < one[2] <= size[1]
        assert 0 <= one[1] < one[3] <= size[0]
        assert all(overlap(one, other) <= 0.5 for other in boxes[:i])


def test_the_dense_corner_comes_first():
    attention = torch.zeros(90, 120)
    attention[60:90, 90:120] = 1.0
    first = propose_regions(attention, generator=seeded(0))
    x0, y0, x1, y1 = first.boxes[0].tolist()
    assert x0 >= 80
    assert y0 >= 50
    assert (x1, y1) == (120, 90)
    assert first.attention[0] > 0.8


def test_nothing_dense_nothing_to_zoom():
    empty = propose_regions(torch.full((30, 40), 0.009), generator=seeded(0))
    assert empty.boxes.shape == (0, 4)
    assert empty.attention.shape == (0,)
    assert len(propose_regions(torch.full((30, 40), 0.011), generator=seeded(0)).boxes) > 0


def test_a_seed_decides_and_nothing_else_is_drawn():
    attention = blobs((60, 80), 3)
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    one, same, other = (propose_regions(attention, generator=seeded(s)) for s in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.boxes, same.boxes)
    assert not torch.equal(one.boxes, other.boxes)


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu():
    attention = blobs((120, 160), 0)
    here = propose_regions(attention, generator=seeded(0))
    with deterministic_algorithms(True):
        there = propose_regions(attention.cuda(), generator=seeded(0))
    assert there.boxes.is_cuda
    assert torch.equal(here.boxes, there.boxes.cpu())
    assert torch.equal(here.attention, there.attention.cpu())
