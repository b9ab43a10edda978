"""A map of pixels in runs is the array that was painted, whatever the bands."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.nn import functional as F

from crowdkit_core.inference import pixel_map
from crowdkit_core.inference.pixel_map import PixelMap

few_numbers = arrays.arrays(
    np.uint8,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([0, 1, 2, 255]),
)


@pytest.fixture(params=[1, 7, 40, 1000])
def band(monkeypatch, request):
    monkeypatch.setattr(pixel_map, "BAND", request.param)


def painted(pixels):
    """Its map; bands of one number are given as that number."""

    def paint(window):
        part = pixels[window.top : window.bottom]
        return int(part[0, 0]) if (part == part[0, 0]).all() else part

    return PixelMap.painted(pixels.shape, paint)


def on_arrays(test):
    own = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    return own(given(pixels=few_numbers)(test))


@on_arrays
def test_it_holds_what_was_painted(band, pixels):
    kept = painted(pixels)
    assert (kept.read(0, len(pixels)) == pixels).all()
    assert kept.lengths.sum() == pixels.size
    assert (kept.lengths <= pixels.shape[1]).all()


@on_arrays
def test_a_point_has_the_number_of_its_pixel_or_the_nearest_one(band, pixels):
    height, width = pixels.shape
    points = torch.rand(30, 2) * torch.tensor([width + 4.0, height + 4.0]) - 2
    column, row = np.clip(np.trunc(points.numpy().T), 0, [[width - 1], [height - 1]]).astype(int)
    assert (painted(pixels).at(points) == pixels[row, column]).all()


@on_arrays
def test_cells_are_shared_by_area(band, pixels):
    kept, layers = painted(pixels), np.stack([pixels == number for number in range(3)])
    for stride in (1, 2, 3, 5):
        means = F.avg_pool2d(
            torch.from_numpy(layers).double(), stride, ceil_mode=True, count_include_pad=False
        ).numpy()
        np.testing.assert_allclose(kept.shares(3, stride), means.sum(0), atol=1e-6)
        cells = np.random.default_rng(0).normal(size=means.shape[1:])
        sums = (means * cells).sum((1, 2))
        np.testing.assert_allclose(kept.sums(cells, stride, 3), sums, atol=1e-9)
