"""Points flip, crop and resize with their image: a blob's centroid stays on its point."""

import pytest
import torch
from hypothesis import given, settings
from torchvision.transforms.v2 import functional as F

from crowdkit_core.density import Fixed
from crowdkit_core.interfaces import Points, points_inside
from crowdkit_core.testing import strategies

HEIGHT, WIDTH = 48, 64


def centroid(blob):
    rows, columns = (torch.arange(side) + 0.5 for side in blob.shape)
    return torch.stack([(blob.sum(0) * columns).sum(), (blob.sum(1) * rows).sum()]) / blob.sum()


@pytest.mark.parametrize(
    "transform",
    [
        F.horizontal_flip,
        F.vertical_flip,
        lambda each: F.crop(each, 4, 6, 40, 50),
        lambda each: F.resize(each, [2 * HEIGHT, 2 * WIDTH]),
        lambda each: F.pad(each, [3, 5, 0, 0]),
    ],
    ids=["horizontal_flip", "vertical_flip", "crop", "resize", "pad"],
)
def test_a_point_stays_on_its_blob(transform):
    xy = torch.tensor([[20.3, 17.8]])
    blob = Fixed(sigma=2.0)([xy], (HEIGHT, WIDTH))
    moved = transform(Points(xy, canvas_size=(HEIGHT, WIDTH)))
    assert isinstance(moved, Points)
    found = centroid(transform(blob)[0, 0])
    torch.testing.assert_close(moved.as_subclass(torch.Tensor)[0], found, atol=1e-2, rtol=0)


@given(strategies.points(size=(HEIGHT, WIDTH)))
@settings(deadline=None, max_examples=30)
def test_flipping_twice_changes_nothing(xy):
    points = Points(xy, canvas_size=(HEIGHT, WIDTH))
    for flip in (F.horizontal_flip, F.vertical_flip):
        torch.testing.assert_close(flip(flip(points)), points, atol=1e-4, rtol=0)


def test_a_point_on_the_far_border_belongs_to_the_last_pixel():
    roi = torch.zeros(4, 6, dtype=torch.bool)
    roi[3, 5] = True
    points = torch.tensor([[6.0, 4.0], [5.0, 3.0], [4.99, 3.5]])
    assert points_inside(points, roi).tolist() == [True, True, False]
