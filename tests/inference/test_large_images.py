"""Images that are read in parts count as they would at once."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from crowdkit_core.data.transforms import Resizing
from crowdkit_core.errors import DataError
from crowdkit_core.inference import (
    Ground,
    Sizing,
    as_roi,
    count,
    counted,
    large_region,
    load_image,
    pixel_map,
    resized,
)
from crowdkit_core.interfaces import LargeImage, cell_shares, points_inside
from crowdkit_core.localization import LocalMaxima

SIZE = HEIGHT, WIDTH = 83, 131
TRIANGLE = [[10.0, 5.5], [120.0, 30.0], [40.3, 80.0]]


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def in_parts(monkeypatch):
    """From here on images of more than 2000 pixels are read in parts."""

    def begin():
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
        monkeypatch.setattr(resized, "IN_MEMORY", 2000)
        monkeypatch.setattr(pixel_map, "BAND", 1000)

    return begin


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("roi", [None, TRIANGLE])
def test_it_counts_as_it_would_at_once(make_counter, photo, in_parts, scale, roi):
    counter, sizing = make_counter("PoolingCounter"), Sizing(resizing=Resizing(scale=scale))
    options = {"sizing": sizing, "roi": roi, "localizer": LocalMaxima(threshold=0.5), "tile": 24}
    whole = count(counter, photo, **options)
    in_parts()
    assert isinstance(load_image(photo).pixels, LargeImage)
    large = count(counter, photo, **options)
    rounding = 1e-4 if scale == 1 else 2e-3  # resized values may differ by 1 of 255
    assert large.count == pytest.approx(whole.count, rel=rounding)
    assert large.whole_count == pytest.approx(whole.whole_count, rel=rounding)
    torch.testing.assert_close(large.density, whole.density, rtol=0.02, atol=1e-4)
    assert large.size == whole.size == SIZE
    assert large.notes == whole.notes
    if scale == 1:
        torch.testing.assert_close(large.points.xy, whole.points.xy)


def test_its_picture_is_that_of_the_whole(make_counter, photo, in_parts):
    counter = make_counter("PoolingCounter")
    whole = count(counter, photo, roi=TRIANGLE, tile=24)
    in_parts()
    large = count(counter, photo, roi=TRIANGLE, tile=24)
    assert large.roi.shape == large.density.shape
    ours, theirs = (drawn(each) for each in (large, whole))
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).mean() < 3  # but for the cells along the region's edge


def drawn(counted):
    figure = counted.plot()
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).astype(float)


corner = st.tuples(st.floats(-20, 150), st.floats(-20, 100))


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(polygon=st.lists(corner, min_size=3, max_size=6), stride=st.sampled_from([1, 3, 8]))
def test_a_region_in_bands_is_its_mask(monkeypatch, polygon, stride):
    monkeypatch.setattr(pixel_map, "BAND", 1000)
    try:
        mask = as_roi(polygon, SIZE)
    except DataError:
        return
    region = large_region.large_region(polygon, SIZE)
    torch.testing.assert_close(region.cell_shares(stride), cell_shares(mask[None], stride)[0, 0])
    points = torch.rand(50, 2) * torch.tensor([WIDTH * 1.2, HEIGHT * 1.2])
    assert torch.equal(region.contains(points), points_inside(points, mask))


def test_what_cannot_be_done_in_parts_is_refused(make_counter, photo, in_parts):
    in_parts()
    with pytest.raises(DataError, match=r"131 x 83 pixels are too many .* cannot count in tiles"):
        count(make_counter("PureCounter"), photo)
    with pytest.raises(DataError, match=r"was to count without tiles"):
        count(make_counter("PoolingCounter"), photo, tile=None)
    with pytest.raises(DataError, match="region is a mask, and the image is too large for one"):
        count(make_counter("PoolingCounter"), photo, tile=24, roi=np.ones(SIZE))
    with pytest.raises(DataError, match="region lies outside the image"):
        count(make_counter("PoolingCounter"), photo, tile=24, roi=[[200, 0], [300, 0], [300, 50]])


def test_a_pure_counter_counts_it_in_a_smaller_size(make_counter, photo, in_parts):
    in_parts()
    small = Sizing(resizing=Resizing(long_side=(40, 40)))
    assert count(make_counter("PureCounter"), photo, sizing=small).shown_size == (25, 40)


ZONES = {
    "a": [[0, 0], [70, 0], [60.5, 50.2], [3, 60]],
    "b": [[40, 20], [131, 10], [131, 83], [50, 83]],
    "exclude": [[90, 40], [110, 40], [110, 60]],
}

GROUND = Ground.from_points(
    [[30, 20], [100, 20], [131, 83], [0, 83]], [[0, 30], [20, 30], [20, 0], [0, 0]]
)


@pytest.mark.parametrize("roi", [None, TRIANGLE])
@pytest.mark.parametrize("named", [ZONES, None])
def test_its_zones_have_the_people_they_would_have_at_once(
    make_counter, photo, in_parts, roi, named
):
    options = {
        "zones": named,
        "roi": roi,
        "ground": GROUND,
        "localizer": LocalMaxima(threshold=0.5),
        "tile": 24,
    }
    whole = count(make_counter("PoolingCounter"), photo, **options)
    in_parts()
    large = count(make_counter("PoolingCounter"), photo, **options)
    assert large.count == pytest.approx(whole.count, rel=1e-4)
    assert large.notes == whole.notes
    assert large.square_metres == pytest.approx(whole.square_metres, nan_ok=True)
    torch.testing.assert_close(large.points.xy, whole.points.xy)
    for ours, theirs in zip(large.zones, whole.zones, strict=True):
        assert ours.name == theirs.name
        assert ours.count == pytest.approx(theirs.count, rel=1e-4)
        assert ours.points_found == theirs.points_found
        assert ours.area_pixels == theirs.area_pixels
        assert ours.square_metres == pytest.approx(theirs.square_metres)
        assert torch.equal(ours.outline, theirs.outline)
    if whole.roi is not None:
        assert large.roi.shape == large.density.shape


def test_a_zone_of_a_large_image_is_drawn_where_it_is(make_counter, photo, in_parts, monkeypatch):
    counter = make_counter("PoolingCounter")
    whole = drawn(count(counter, photo, zones=ZONES, tile=24))
    in_parts()
    monkeypatch.setattr(counted, "SHOWN_PIXELS", SIZE[0] * SIZE[1] // 4)
    large = drawn(count(counter, photo, zones=ZONES, tile=24))
    assert np.abs(whole - large).mean() < 3
