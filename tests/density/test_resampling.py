import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.density import resample_density, sum_pool
from crowdkit_core.errors import ShapeError, UsageError

sides = st.integers(1, 12)


def integrated(density, size, stride):
    """The map painted evenly on a raster on which all cells have whole sides, then added up."""
    height, width = density.shape[-2:]
    painted = density.repeat_interleave(size[0], -2).repeat_interleave(size[1], -1)
    painted = painted / (size[0] * size[1])
    cells = [-(-side // stride) for side in size]
    sums = torch.zeros(*density.shape[:2], *cells, dtype=density.dtype)
    for row in range(cells[0]):
        for column in range(cells[1]):
            rows = slice(row * stride * height, (row + 1) * stride * height)
            columns = slice(column * stride * width, (column + 1) * stride * width)
            sums[..., row, column] = painted[..., rows, columns].sum((-1, -2))
    return sums


@given(h=sides, w=sides, height=sides, width=sides, stride=st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_is_the_integral_over_each_cell(h, w, height, width, stride):
    density = torch.rand(2, 1, h, w, generator=torch.manual_seed(h + 20 * w)).double()
    found = resample_density(density, (height, width), stride=stride)
    torch.testing.assert_close(found, integrated(density, (height, width), stride))


@given(
    h=st.integers(1, 90),
    w=st.integers(1, 90),
    height=st.integers(1, 900),
    width=st.integers(1, 900),
    stride=st.integers(1, 128),
)
@settings(deadline=None, max_examples=60)
def test_nobody_is_lost(h, w, height, width, stride):
    density = torch.randn(2, 1, h, w, generator=torch.manual_seed(h + 100 * w)).double()
    found = resample_density(density, (height, width), stride=stride)
    assert found.shape == (2, 1, -(-height // stride), -(-width // stride))
    torch.testing.assert_close(found.sum((1, 2, 3)), density.sum((1, 2, 3)))


@given(h=st.integers(1, 70), w=st.integers(1, 70), stride=st.integers(1, 128))
@settings(deadline=None, max_examples=30)
def test_a_map_on_the_same_cells_stays_as_it_is(h, w, stride):
    density = torch.rand(1, 1, h, w)
    assert torch.equal(resample_density(density, (h * stride, w * stride), stride=stride), density)


def test_whole_blocks_are_pooled():
    density = torch.rand(1, 1, 12, 20).double()
    found = resample_density(density, (12 * 8, 20 * 8), stride=32)
    torch.testing.assert_close(found, sum_pool(density, 4))


def test_the_last_cells_may_be_partial():
    ones = torch.ones(1, 1, 1, 5)  # a person per pixel
    assert resample_density(ones, (1, 5), stride=2).flatten().tolist() == pytest.approx([2, 2, 1])


def test_half_precision_of_a_training_loop_loses_nobody():
    density = torch.full((1, 1, 48, 64), 1.001)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = resample_density(density, (600, 600), stride=8)
    assert found.dtype == torch.float32
    assert found.sum().item() == pytest.approx(48 * 64 * 1.001, rel=1e-5)


def test_gradient():
    density = torch.rand(2, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda d: resample_density(d, (7, 5), stride=2), density)


@pytest.mark.parametrize(
    ("density", "size", "stride", "error", "words"),
    [
        (torch.zeros(1, 1, 4, 4), (4, 4), 0, UsageError, "0 pixels"),
        (torch.zeros(1, 1, 4, 4), (0, 4), 1, UsageError, r"\(0, 4\)"),
        (torch.zeros(4, 4), (4, 4), 1, ShapeError, r"\(4, 4\)"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.int64), (4, 4), 1, ShapeError, "int64"),
    ],
)
def test_bad_input(density, size, stride, error, words):
    with pytest.raises(error, match=words):
        resample_density(density, size, stride=stride)


@given(
    size=st.tuples(sides, sides),
    stride=st.integers(1, 5),
    new_size=st.tuples(sides, sides),
    new_stride=st.integers(1, 5),
)
@settings(deadline=None, max_examples=60)
def test_partial_cells_hand_on_their_people_within_the_frame(size, stride, new_size, new_stride):
    cells = [-(-side // stride) for side in size]
    density = torch.rand(2, 1, *cells, generator=torch.manual_seed(stride)).double()
    pixels = density.repeat_interleave(stride, -2).repeat_interleave(stride, -1)
    pixels = pixels[..., : size[0], : size[1]]
    per_pixel = [torch.arange(side).div(stride, rounding_mode="floor") for side in size]
    heights, widths = (each.bincount()[each] for each in per_pixel)
    pixels = pixels / heights[:, None] / widths
    found = resample_density(density, new_size, stride=new_stride, of=(size, stride))
    torch.testing.assert_close(found, integrated(pixels, new_size, new_stride))


def test_a_map_of_another_image_is_refused():
    with pytest.raises(ShapeError, match="3 x 4 cells is not a map of stride 8"):
        resample_density(torch.rand(1, 1, 3, 4), (10, 10), stride=4, of=((24, 33), 8))
