from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from crowdkit_core.data.transforms import adjust, crop, flip, pad, people_inside, resize
from crowdkit_core.errors import ShapeError
from crowdkit_core.interfaces import Points, Sample

HEIGHT, WIDTH = 20, 30


def sample_of(points, size=(HEIGHT, WIDTH)):
    xy = torch.tensor(points, dtype=torch.float32).reshape(-1, 2)
    return Sample(
        name="a",
        image=torch.zeros(3, *size),
        points=Points(xy, canvas_size=size),
        lengths={"index": torch.arange(len(points), dtype=torch.float32)},
    )


def blob_sample(x, y, size=(60, 90)):
    """A smooth blob centred on a point, drawn with pixel centres at i + 0.5."""
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    picture = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3.0**2))
    image = torch.from_numpy(picture).float().expand(3, -1, -1)
    return replace(sample_of([[x, y]], size), image=image)


def blob_centre(sample):
    row, column = ndimage.center_of_mass(sample.image[0].numpy())
    return [column + 0.5, row + 0.5]


@pytest.mark.parametrize(
    "transform",
    [
        flip,
        lambda s: resize(s, (120, 180)),
        lambda s: resize(s, (45, 60)),
        lambda s: crop(s, 10, 20, (40, 50)),
        lambda s: pad(s, (70, 100)),
        lambda s: flip(pad(resize(crop(s, 5, 10, (50, 60)), (75, 90)), (80, 128))),
    ],
    ids=["flip", "up", "down", "crop", "pad", "chain"],
)
def test_points_stay_on_what_they_mark(transform):
    result = transform(blob_sample(41.25, 29.75))
    assert result.points[0].tolist() == pytest.approx(blob_centre(result), abs=0.02)
    assert result.points.canvas_size == result.size


coordinates = st.tuples(
    st.one_of(st.floats(0, WIDTH, width=32), st.integers(0, WIDTH).map(float)),
    st.one_of(st.floats(0, HEIGHT, width=32), st.integers(0, HEIGHT).map(float)),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(coordinates, max_size=12), st.integers(1, HEIGHT), st.integers(1, WIDTH))
def test_windows_that_tile_an_image_share_out_its_points(points, height, width):
    sample = sample_of(points)
    seen = []
    for top in range(0, HEIGHT, height):
        for left in range(0, WIDTH, width):
            size = (min(height, HEIGHT - top), min(width, WIDTH - left))
            tile = crop(sample, top, left, size)
            seen += tile.lengths["index"].tolist()
            back = tile.points.as_subclass(torch.Tensor) + torch.tensor([left, top])
            assert torch.equal(back, sample.points[tile.lengths["index"].long()])
            assert (tile.points >= 0).all()
            assert (tile.points <= torch.tensor([size[1], size[0]])).all()
    assert sorted(seen) == list(range(len(points)))


def test_a_point_between_two_windows_is_in_the_right_one():
    sample = sample_of([[10.0, 5.0], [30.0, 20.0]])
    left, right = crop(sample, 0, 0, (20, 10)), crop(sample, 0, 10, (20, 20))
    assert left.points.tolist() == []
    assert right.points.tolist() == [[0.0, 5.0], [20.0, 20.0]]


@pytest.mark.parametrize("window", [(-1, 0, (5, 5)), (0, 26, (5, 5)), (0, 0, (21, 5))])
def test_a_window_outside_is_refused(window):
    with pytest.raises(ShapeError, match="outside the image of 20 x 30"):
        crop(sample_of([]), *window)


def test_lengths_follow_the_scale():
    sample = sample_of([[3.0, 4.0], [5.0, 6.0]])
    assert resize(sample, (40, 60)).lengths["index"].tolist() == [0.0, 2.0]
    assert resize(sample, (40, 30)).lengths["index"].tolist() == pytest.approx([0.0, 2**0.5])


@settings(deadline=None, max_examples=30)
@given(st.lists(coordinates, max_size=8), st.integers(1, 50), st.integers(1, 50))
def test_resizing_and_flipping_lose_nobody(points, height, width):
    result = flip(resize(sample_of(points), (height, width)))
    assert len(result.points) == len(points)
    assert (result.points >= 0).all()
    assert (result.points <= torch.tensor([width, height]) + 1e-4).all()


def test_region_moves_with_the_image():
    roi = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    roi[:10, :5] = True
    sample = replace(sample_of([[2.0, 2.0], [8.0, 2.0]]), roi=roi)
    assert people_inside(sample) == 1
    for changed in (flip(sample), resize(sample, (40, 60)), crop(sample, 0, 0, (5, 20))):
        assert changed.roi.shape == changed.size
        assert people_inside(changed) == 1
    assert torch.equal(flip(sample).roi, roi.flip(1))
    assert resize(sample, (40, 60)).roi.sum() == 20 * 10


def test_padding_is_outside_the_region():
    padded = pad(sample_of([[30.0, 20.0]]), (25, 30))
    assert padded.size == (25, 30)
    assert padded.roi.sum() == HEIGHT * WIDTH
    assert not padded.roi[20:].any()
    assert padded.points.tolist() == [[30.0, 20.0]]
    assert pad(sample_of([]), (5, 5)).roi is None


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_colours(dtype):
    sample = sample_of([])
    picture = torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    picture = (picture * 255).to(dtype) if dtype == torch.uint8 else picture
    sample = replace(sample, image=picture)
    top = 255.0 if dtype == torch.uint8 else 1.0
    step = 1.01 if dtype == torch.uint8 else 1e-5
    assert torch.equal(adjust(sample).image, picture)
    darker = adjust(sample, brightness=0.5).image
    assert torch.allclose(darker.float(), picture.float() / 2, atol=step)
    curved = adjust(sample, gamma=2.0).image
    assert torch.allclose(curved.float() / top, (picture.float() / top) ** 2, atol=step / top)
    for grey in (adjust(sample, grey=True).image, adjust(sample, saturation=0.0).image):
        assert torch.equal(grey[0], grey[1])
        assert torch.equal(grey[0], grey[2])
    flat = adjust(sample, contrast=0.0).image
    assert flat.dtype == dtype
    assert flat.float().std() < step
