"""A photo is counted in the size the counter was trained on, and answers in its own pixels."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from torch.nn import functional as F

from crowdkit_core.data.transforms import Resizing, resize_image
from crowdkit_core.density import place_gaussians
from crowdkit_core.errors import DataError
from crowdkit_core.inference import Sizing, count, head_distance
from crowdkit_core.inference.resized import resize_pixels
from crowdkit_core.interfaces import Counter, LocalizedPoints, MapSpec, Prediction

RULE = Sizing.trained_on((40, 100), (6.0, 30.0))


class RedShare(Counter):
    """A hundred times the red of a pixel over the pixels of the image; a copy has the same count.

    Also finds one person, at a quarter of the width and half of the height.
    """

    outputs: Mapping[str, MapSpec] = MappingProxyType({"density": MapSpec("density", 8)})
    receptive_field: int | None = 0
    size_multiple = 8
    finds_points = True

    def __init__(self, people: float = 100.0, pixels: float | None = None) -> None:
        super().__init__()
        self.people, self.pixels = people, pixels
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images):
        height, width = images.shape[-2:]
        self.seen.append((height, width))
        red = images[:, :1] * self.people / (self.pixels or height * width)
        padded = F.pad(red, (0, -width % 8, 0, -height % 8))
        prediction = Prediction.from_density(F.avg_pool2d(padded, 8) * 64, 8)
        place = torch.tensor([[width / 4, height / 2]])
        return replace(prediction, points=[LocalizedPoints(place, torch.ones(1))])


def photo(height, width):
    """Smooth colours, so that a copy has lost nothing."""
    image = torch.rand(3, 3, 4, generator=torch.Generator().manual_seed(0))
    return F.interpolate(image[None], (height, width), mode="bilinear")[0].clamp(0, 1)


@given(
    height=st.integers(30, 4000),
    width=st.integers(30, 4000),
    factor=st.sampled_from([1 / 3, 0.5, 2, 3, 10]),
)
def test_copies_of_a_photo_are_shown_in_one_size(height, width, factor):
    copy = round(height * factor), round(width * factor)
    shown, shown_copy = RULE.first((height, width)), RULE.first(copy)
    assert max(shown) == max(shown_copy) == 100
    # A side of the smallest copies is some ten pixels long, and off by half of one.
    assert min(shown_copy) == pytest.approx(min(shown), rel=0.1, abs=1)


@pytest.mark.parametrize("size", [(75, 50), (150, 100), (300, 200), (1000, 667)])
def test_copies_of_a_photo_have_one_count(size):
    original = count(RedShare(), photo(150, 100), sizing=RULE)
    copy = count(RedShare(), resize_image(photo(150, 100), size), sizing=RULE)
    assert copy.count == pytest.approx(original.count, rel=0.01)


@pytest.mark.parametrize("size", [(301, 205), (37, 53), (100, 64)])
@pytest.mark.parametrize("tile", [None, 16])
def test_the_map_is_one_of_the_image_as_given(size, tile):
    counter = RedShare(pixels=6400)
    counted = count(counter, photo(*size), sizing=RULE, tile=tile)
    assert max(max(shown) for shown in counter.seen) <= 100
    assert counted.size == size
    assert counted.shown_size == (None if size == (100, 64) else RULE.first(size))
    assert counted.density.shape == (-(-size[0] // 8), -(-size[1] // 8))
    assert counted.density.sum().item() == pytest.approx(counted.count, rel=1e-5)
    whole = count(RedShare(pixels=6400), photo(*size), sizing=RULE, tile=None)
    assert counted.count == pytest.approx(whole.count, rel=1e-4)


def test_points_are_places_in_the_image_as_given():
    counted = count(RedShare(), photo(300, 200), sizing=RULE)
    assert counted.points.xy.tolist() == [[pytest.approx(50), pytest.approx(150)]]
    left = [[0, 0], [60, 0], [60, 300], [0, 300]]
    assert len(count(RedShare(), photo(300, 200), sizing=RULE, roi=left).points.xy) == 1
    right = [[60, 0], [200, 0], [200, 300], [60, 300]]
    assert len(count(RedShare(), photo(300, 200), sizing=RULE, roi=right).points.xy) == 0


def test_a_region_is_one_of_the_image_as_given():
    image = torch.zeros(3, 320, 480)
    image[0, :, :240] = 1
    roi = torch.zeros(320, 480, dtype=torch.bool)
    roi[:, :240] = True
    red, rest = (count(RedShare(), image, sizing=RULE, roi=each) for each in (roi, ~roi))
    assert red.whole_count == pytest.approx(50, rel=0.02)
    assert red.count == pytest.approx(50, rel=0.05)  # borders are blurred where sizes change
    assert rest.count == pytest.approx(0, abs=3)
    assert red.count + rest.count == pytest.approx(red.whole_count, rel=1e-4)


def test_without_a_rule_an_image_is_counted_as_it_is():
    counter = RedShare()
    counted = count(counter, photo(300, 200))
    assert counter.seen == [(300, 200)]
    assert counted.shown_size is None
    assert counted.notes == ()


def test_uint8_and_float_copies_are_shown_alike():
    pixels = (photo(300, 200) * 255).round().to(torch.uint8)
    first, second = (count(RedShare(), each, sizing=RULE) for each in (pixels, pixels / 255))
    assert first.count == pytest.approx(second.count, rel=1e-2)


@pytest.mark.parametrize("size", [(13, 9), (61, 80), (1, 1)])
def test_an_image_is_shown_alike_however_it_lies_in_memory(size):
    image = (photo(20, 30) * 255).byte()
    rows_of_pixels = image.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    channels = torch.cat([resize_pixels(channel[None], size) for channel in image])
    for each in (image, rows_of_pixels):
        assert torch.equal(resize_pixels(each, size), channels)


def test_heads_too_near_to_each_other_are_looked_at_once_more_and_no_more():
    white = torch.ones(3, 200, 200)
    crowd = RedShare(people=2000)  # 2.2 pixels in a square each, in 100 x 100
    counted = count(crowd, white, sizing=RULE)
    assert len(crowd.seen) == 2
    assert crowd.seen[0] == (100, 100)
    assert crowd.seen[1][0] > 300
    assert counted.count == pytest.approx(2000, rel=1e-4)
    assert counted.density.shape == (25, 25)
    assert "heads were nearer" in counted.notes[0]
    few = RedShare(people=9)
    count(few, white, sizing=RULE)
    assert few.seen == [(100, 100)]


def test_the_second_look_shows_heads_as_far_apart_as_trained():
    crowd = RedShare(people=500)
    counted = count(crowd, torch.ones(3, 200, 200), sizing=RULE)
    pixels = counted.shown_size[0] * counted.shown_size[1]
    assert (pixels / 500) ** 0.5 / 1.5 == pytest.approx(6.0, rel=0.02)


def test_people_far_apart_are_not_shrunk_away():
    crowd = RedShare(people=12)  # 29 pixels in a square each, in 100 x 100
    rule = Sizing.trained_on((40, 100), (6.0, 15.0))
    counted = count(crowd, torch.ones(3, 100, 100), sizing=rule)
    assert crowd.seen == [(100, 100)]
    assert counted.notes == ()


def test_a_user_decides():
    counter = RedShare(people=2000)
    asked = Sizing(resizing=Resizing(scale=0.5), long_side=(40, 100), head_distance=(6.0, 30.0))
    counted = count(counter, torch.ones(3, 64, 64), sizing=asked)
    assert counter.seen == [(32, 32)]
    assert counted.count == pytest.approx(2000, rel=1e-4)
    assert "heads are 0.5 pixels apart" in counted.notes[1]


@pytest.mark.parametrize(
    ("size", "sizing", "notes"),
    [
        ((80, 100), RULE, []),
        ((240, 300), RULE, ["resized from 300 x 240 to 100 x 80 pixels: the counter was trained"]),
        ((24, 30), RULE, ["resized from 30 x 24", "enlarged 3.3 times"]),
        ((240, 300), replace(RULE, resizing=Resizing()), ["trained on longer sides of 40 to 100"]),
        ((240, 300), Sizing(resizing=Resizing(scale=0.1)), ["resized from 300 x 240 to 30 x 24"]),
    ],
)
def test_what_a_user_is_told(size, sizing, notes):
    told = count(RedShare(people=1), photo(*size), sizing=sizing).notes
    assert len(told) == len(notes)
    for line, part in zip(told, notes, strict=True):
        assert part in line
        assert "\n" not in line


def test_who_asks_for_a_size_is_not_told_a_reason():
    asked = replace(RULE, resizing=Resizing(scale=0.5))
    (note,) = count(RedShare(people=1), photo(100, 120), sizing=asked).notes
    assert note == "resized from 120 x 100 to 60 x 50 pixels"


def test_an_image_shown_too_small_for_the_counter():
    counter = RedShare()
    counter.min_size = (32, 32)
    with pytest.raises(DataError, match=r"10 x 100 pixels; counter .* at least 32 x 32"):
        count(counter, photo(500, 50), sizing=RULE)


@pytest.mark.parametrize("spacing", [8.0, 13.0, 20.0])
@pytest.mark.parametrize("stride", [1, 4, 8, 16])
def test_the_distance_of_heads_is_read_off_the_map(spacing, stride):
    generator = torch.Generator().manual_seed(0)
    lattice = torch.cartesian_prod(torch.arange(0, 240, spacing), torch.arange(0, 240, spacing))
    points = lattice + torch.rand(lattice.shape, generator=generator) * 0.6 * spacing
    density = place_gaussians(points, torch.full((len(points),), 4.0), (240, 240), stride=stride)
    found = head_distance(Prediction.from_density(density[None, None], stride))
    nearest = cKDTree(points.numpy()).query(points.numpy(), k=2)[0][:, 1]
    assert found == pytest.approx(float(torch.tensor(nearest).median()), rel=0.25)


def test_the_crowd_decides_not_the_empty_sky():
    points = torch.cartesian_prod(torch.arange(200.0, 240, 8), torch.arange(0.0, 240, 8))
    density = place_gaussians(points, torch.full((len(points),), 3.0), (240, 240), stride=8)
    padded = F.pad(density, (300, 0, 300, 0))
    near, far = (
        head_distance(Prediction.from_density(d[None, None], 8)) for d in (density, padded)
    )
    assert near == pytest.approx(far, rel=0.01)


def test_few_people_do_not_say_how_far_heads_are_apart():
    density = torch.zeros(1, 1, 30, 30)
    assert head_distance(Prediction.from_density(density, 8)) is None
    density[0, 0, 3, 3] = 9
    assert head_distance(Prediction.from_density(density, 8)) is None
    assert head_distance(Prediction(count=torch.tensor([50.0]))) is None
