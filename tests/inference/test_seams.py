"""Heads at the seams of tiles: found once, where tiles are exact by themselves, else by choice."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest
import torch
from torch.nn import functional as F

from crowdkit_core.inference import count
from crowdkit_core.inference.seams import tile_of, without_doubles
from crowdkit_core.inference.tiles import plan_tiles
from crowdkit_core.interfaces import Counter, LocalizedPoints, MapSpec, Prediction
from crowdkit_core.localization import LocalMaxima


class Blurred(Counter):
    """The mean of red over 9 x 9 pixels, as a convolution padded with zeros has it."""

    outputs: Mapping[str, MapSpec] = MappingProxyType({"density": MapSpec("density", 1)})
    receptive_field: int | None = 4

    def forward(self, images):
        return Prediction.from_density(F.avg_pool2d(images[:, :1], 9, stride=1, padding=4), 1)


def scene(*heads):
    """Discs that are brightest in the middle, 3 pixels wide to either side."""
    row, column = torch.meshgrid(torch.arange(32.0), torch.arange(64.0), indexing="ij")
    image = torch.zeros(3, 32, 64)
    for x, y in heads:
        far = ((column + 0.5 - x).square() + (row + 0.5 - y).square()).sqrt()
        image[0] += (1 - far / 3.5).clamp_min(0)
    return image.clamp_max(1)


HEADS = [(32.0, 6.0), (32.5, 25.5), (12.5, 16.5)]
"""Of which all but one are at the seam, x = 32, of tiles of 32 pixels."""


def found(**tiles):
    counted = count(Blurred(), scene(*HEADS), localizer=LocalMaxima(threshold=0.3), **tiles)
    return sorted(map(tuple, counted.points.xy.tolist()))


def test_exact_tiles_find_each_head_once_and_where_the_whole_image_has_it():
    whole = found(tile=None)
    assert len(whole) == len(HEADS)
    for tile in (8, 16, 32):
        assert found(tile=tile) == whole


def raw_points(halo):
    """Points of tiles as they are put together, before doubles are dropped."""
    from crowdkit_core.inference.tiles import predict_tiles

    counter = Blurred().eval()
    plan = plan_tiles(counter, (32, 64), tile=32, halo=halo)
    with torch.no_grad():
        prediction = predict_tiles(counter, scene(*HEADS), plan)
    return LocalMaxima(threshold=0.3)(prediction, (32, 64))[0], plan


def test_tiles_that_see_too_little_double_heads_at_the_seam_and_one_of_each_stays():
    doubled, plan = raw_points(halo=3)
    assert not plan.exact
    joined = without_doubles(doubled, plan, stride=1)
    assert len(doubled.xy) > len(joined.xy) == len(HEADS)
    counted = count(Blurred(), scene(*HEADS), localizer=LocalMaxima(threshold=0.3), tile=32, halo=3)
    assert counted.approximate
    assert torch.equal(counted.points.xy, joined.xy)


def test_points_of_one_tile_and_those_of_exact_tiles_stay():
    counter = Blurred()
    near = LocalizedPoints(torch.tensor([[10.0, 5], [11, 5], [31.5, 5], [32.5, 5]]), torch.ones(4))
    exact = plan_tiles(counter, (32, 64), tile=32)
    assert without_doubles(near, exact, stride=1) is near
    small = plan_tiles(counter, (32, 64), tile=32, halo=0)
    assert without_doubles(near, small, stride=1).xy[:, 0].tolist() == [10, 11, 31.5]
    apart = LocalizedPoints(torch.tensor([[30.0, 5], [33.5, 5]]), torch.ones(2))
    assert len(without_doubles(apart, small, stride=1).xy) == 2


@pytest.mark.parametrize(
    ("x", "y", "tile"), [(0, 0, 0), (31.9, 31, 0), (32, 31, 1), (64, 32, 1), (3, 15.9, 0)]
)
def test_a_point_belongs_to_the_tile_whose_core_it_is_in(x, y, tile):
    plan = plan_tiles(Blurred(), (32, 64), tile=32)
    assert tile_of(torch.tensor([[x, y]], dtype=torch.float64), plan).tolist() == [tile]
