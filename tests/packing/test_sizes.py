"""The measured range of distances, of points that say something and of others."""

from dataclasses import replace

import pytest

from crowdkit_core.packing.sizes import trained_sizing
from crowdkit_core.testing.toys import ToyDataset


class Doubled(ToyDataset):
    """Every person of the images from ``first`` on is marked twice."""

    def __init__(self, first):
        super().__init__(length=8)
        self.first = first

    def annotation(self, index):
        annotation = super().annotation(index)
        if index < self.first:
            return annotation
        return replace(annotation, points=annotation.points.repeat(2, 1))


def test_doubled_points_do_not_say_how_far_heads_are_apart():
    assert trained_sizing(Doubled(first=0)).head_distance is None
    expected = trained_sizing(ToyDataset(length=6)).head_distance
    assert expected[0] > 0
    assert trained_sizing(Doubled(first=6)).head_distance == pytest.approx(expected)
