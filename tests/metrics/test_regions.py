"""GAME and counts by region."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.metrics import game, game_by_image, mae, region_counts, region_sums


@st.composite
def scenes(draw):
    """A density map at some stride, points and the size of an image."""
    stride = draw(st.sampled_from([1, 3, 8]))
    size = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    seed = draw(st.integers(0, 2**16))
    generator = torch.Generator().manual_seed(seed)
    cells = [-(-length // stride) for length in size]
    density = torch.rand(2, 1, *cells, generator=generator)
    frame = torch.tensor([size[1], size[0]])
    points = [torch.rand(n, 2, generator=generator) * frame for n in (0, 7)]
    return density, points, stride, size


def painted_on_pixels(density, stride, size):
    """Each cell spread evenly over its pixels inside the frame, by hand."""
    image = np.zeros(size)
    for (row, column), value in np.ndenumerate(density.numpy()):
        rows = slice(row * stride, min((row + 1) * stride, size[0]))
        columns = slice(column * stride, min((column + 1) * stride, size[1]))
        pixels = image[rows, columns]
        pixels += value / pixels.size
    return image


def pixel_regions(image, divisions):
    """Sums over slices between rounded borders."""
    rows, columns = (
        np.round(np.arange(divisions + 1) * length / divisions).astype(int)
        for length in image.shape
    )
    return [
        [image[top:bottom, left:right].sum() for left, right in pairwise(columns)]
        for top, bottom in pairwise(rows)
    ]


@settings(deadline=None, max_examples=40)
@given(scenes(), st.sampled_from([1, 2, 4, 8]))
def test_regions_are_slices_of_the_map_painted_on_pixels(scene, divisions):
    density, points, stride, size = scene
    sums = region_sums(density, divisions, stride=stride, size=size)
    expected = pixel_regions(painted_on_pixels(density[1, 0], stride, size), divisions)
    np.testing.assert_allclose(sums[1].numpy(), expected, atol=1e-5)
    dots = np.zeros(size)
    column, row = points[1].numpy().astype(int).T
    np.add.at(dots, (row, column), 1)
    counted = region_counts(points[1], divisions, size=size)
    np.testing.assert_array_equal(counted.numpy(), pixel_regions(dots, divisions))


@settings(deadline=None, max_examples=40)
@given(scenes())
def test_game_starts_at_mae_and_grows(scene):
    density, points, stride, size = scene
    values = [game(density, points, level=level, stride=stride, size=size) for level in range(5)]
    error = mae(density.flatten(1).double().sum(1), [len(each) for each in points])
    assert values[0].item() == pytest.approx(error.item(), abs=1e-9)
    assert all(b >= a - 1e-9 for a, b in pairwise(values))


def test_game_by_hand():
    density = torch.zeros(4, 4)
    density[0, 0], density[3, 3] = 2.0, 1.0
    points = torch.tensor([[0.5, 0.5], [3.5, 0.5], [3.5, 3.5]])
    assert game(density, points, level=0).item() == 0
    # Top left 2 against 1, top right 0 against 1, bottom right right.
    assert game(density, points, level=1).item() == 2
    assert game_by_image(density, points, level=2).tolist() == [2]


def test_a_border_shares_out_the_cell_it_cuts():
    density = torch.tensor([[[[0.0, 3.0, 0.0]]]])
    # Cells of 4 pixels in an image 10 wide: the border at 5 cuts the middle cell 1 to 3.
    sums = region_sums(density, 2, stride=4, size=(4, 10))
    assert sums.sum(1).tolist() == [[pytest.approx(0.75), pytest.approx(2.25)]]


def test_points_on_borders_belong_to_one_region():
    corners = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0], [2.0, 2.0]])
    assert region_counts(corners, 2, size=(4, 4)).tolist() == [[1, 1], [1, 2]]


def test_several_images_are_averaged():
    density = torch.tensor([[[[1.0]]], [[[4.0]]]])
    assert game(density, [torch.zeros(0, 2), torch.zeros(1, 2)], level=0).item() == 2


def test_misfits_are_refused():
    with pytest.raises(ShapeError, match="2 density maps came with 1 sets"):
        game(torch.zeros(2, 1, 3, 3), [torch.zeros(0, 2)], level=0)
    with pytest.raises(ShapeError, match=r"expected \(B, 1, 2, 3\) for stride 8"):
        game(torch.zeros(3, 3), torch.zeros(0, 2), level=0, stride=8, size=(16, 24))
    with pytest.raises(ShapeError, match=r"expected \(N, 2\)"):
        game(torch.zeros(3, 3), torch.zeros(4, 3), level=0)
    with pytest.raises(UsageError, match="level -1"):
        game(torch.zeros(3, 3), torch.zeros(0, 2), level=-1)
