from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.data import Augmentation
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Points, Sample

EVERYTHING = Augmentation(
    crop_size=(32, 48),
    scale=(0.6, 1.5),
    flip=0.5,
    brightness=(0.7, 1.3),
    contrast=(0.7, 1.3),
    saturation=(0.7, 1.3),
    gamma=(0.8, 1.2),
    grey=0.3,
)


def crowd(height=90, width=120, people=200, seed=0):
    generator = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)
    xy = torch.rand(people, 2, generator=generator) * torch.tensor([width, height])
    return Sample(
        name="a",
        image=image,
        points=Points(xy, canvas_size=(height, width)),
        lengths={"sigma": torch.ones(people)},
    )


def same(a, b):
    return torch.equal(a.image, b.image) and torch.equal(a.points, b.points)


def test_a_seed_decides_all_bits_whatever_the_global_state():
    first = EVERYTHING(crowd(), 5)
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    assert same(EVERYTHING(crowd(), 5), first)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not same(EVERYTHING(crowd(), 6), first)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 100),
    st.integers(1, 100),
    st.floats(0.3, 3.0),
    st.integers(0, 2**63 - 1),
)
def test_a_crop_has_the_size_asked_for_and_padding_outside_its_region(height, width, scale, seed):
    augment = Augmentation(crop_size=(32, 48), scale=(scale, scale))
    result = augment(crowd(height, width, people=10), seed)
    assert result.size == (32, 48)
    assert len(result.points) == len(result.lengths["sigma"])
    if round(32 / scale) <= height and round(48 / scale) <= width:
        assert result.roi is None
    if result.roi is not None:
        assert (result.image[:, ~result.roi] == 0).all()


def test_an_image_smaller_than_the_crop_keeps_everyone():
    result = Augmentation(crop_size=(128, 200), flip=0.0)(crowd(), 1)
    assert result.size == (128, 200)
    assert len(result.points) == 200
    assert result.roi.sum() == 90 * 120


def test_lengths_grow_with_the_scale():
    result = Augmentation(scale=(1.5, 1.5))(crowd(), 1)
    assert result.size == (135, 180)
    assert result.lengths["sigma"].tolist() == pytest.approx([1.5] * 200)


def sharpness(sample):
    return sample.image.float().diff(dim=2).abs().mean().item()


def test_a_downscaled_window_lacks_detail_and_keeps_size_people_and_brightness():
    sample = crowd(90, 120)
    result = Augmentation(downscale=(3.0, 3.0), flip=0.0)(sample, 1)
    assert result.size == (90, 120)
    assert torch.equal(result.points, sample.points)
    assert sharpness(result) < 0.2 * sharpness(sample)
    before, after = (each.image.float().mean().item() for each in (sample, result))
    assert after == pytest.approx(before, rel=0.01)


def test_windows_are_downscaled_as_often_as_asked():
    sample = crowd(people=1)
    augment = Augmentation(downscale=(1.5, 3.0), downscaled=0.25, flip=0.0)
    blurred = sum(not torch.equal(augment(sample, seed).image, sample.image) for seed in range(400))
    assert 60 < blurred < 140


def test_close_ups_come_on_top_of_the_scale_as_often_as_asked():
    sample = crowd(people=1)
    augment = Augmentation(scale=(0.5, 0.5), close_up=(4.0, 4.0), close_ups=0.25, flip=0.0)
    sizes = [augment(sample, seed).size for seed in range(400)]
    assert set(sizes) == {(45, 60), (180, 240)}
    assert 60 < sizes.count((180, 240)) < 140


def test_a_crop_by_share_of_the_sides():
    assert Augmentation(crop_fraction=0.5)(crowd(), 3).size == (45, 60)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((30, 40), (48, 64)), ((40, 30), (64, 48)), ((90, 120), (75, 100)), ((60, 80), (60, 80))],
)
def test_a_longer_side_is_brought_between_its_bounds_with_people_and_lengths(size, expected):
    sample = crowd(*size)
    result = Augmentation(long_side=(64, 100), flip=0.0)(sample, 0)
    assert result.size == expected
    factor = expected[0] / size[0]
    torch.testing.assert_close(result.points.as_subclass(torch.Tensor), factor * sample.points)
    torch.testing.assert_close(result.lengths["sigma"], factor * sample.lengths["sigma"])


def test_the_longer_side_is_bounded_before_a_share_is_cut_out():
    augment = Augmentation(long_side=(64, 100), crop_fraction=0.5)
    assert augment(crowd(30, 40), 1).size == (24, 32)


def test_windows_reach_every_corner():
    sample = crowd()
    corners = torch.tensor([[0.5, 0.5], [119.5, 0.5], [0.5, 89.5], [119.5, 89.5]])
    sample = replace(sample, points=Points(corners, canvas_size=(90, 120)))
    sample = replace(sample, lengths={"corner": torch.arange(4.0)})
    augment = Augmentation(crop_size=(88, 118), flip=0.0)
    seen = {c for seed in range(60) for c in augment(sample, seed).lengths["corner"].tolist()}
    assert seen == {0.0, 1.0, 2.0, 3.0}


def share_of_empty(augment, sample, draws=200):
    return sum(len(augment(sample, seed).points) == 0 for seed in range(draws)) / draws


def test_empty_crops_are_as_frequent_as_allowed():
    left_half = crowd(people=50)
    squeezed = left_half.points.as_subclass(torch.Tensor) * torch.tensor([0.1, 1.0])
    sample = replace(left_half, points=Points(squeezed, canvas_size=(90, 120)))
    anything = share_of_empty(Augmentation(crop_size=(45, 45)), sample)
    half = share_of_empty(Augmentation(crop_size=(45, 45), empty_crops=0.5), sample)
    few = share_of_empty(Augmentation(crop_size=(45, 45), empty_crops=0.0), sample)
    assert anything > 0.7
    assert 0.3 < half < 0.6
    assert few < 0.3


def test_an_image_without_people_is_cropped_all_the_same():
    empty = replace(crowd(people=0), lengths={})
    assert Augmentation(crop_size=(45, 45), empty_crops=0.0)(empty, 1).size == (45, 45)


def test_flips_are_as_frequent_as_asked():
    sample = crowd(people=1)
    flipped = sum(
        not torch.equal(Augmentation(flip=0.25)(sample, seed).image, sample.image)
        for seed in range(400)
    )
    assert 60 < flipped < 140


def test_a_vertical_flip_keeps_people_on_their_pixels():
    sample = crowd(people=1)
    x, y = sample.points.as_subclass(torch.Tensor)[0].tolist()
    result = Augmentation(flip=0.0, vertical_flip=1.0)(sample, 3)
    assert torch.equal(result.image, sample.image.flip(1))
    assert result.points[0].tolist() == pytest.approx([x, 90 - y])


def test_bad_options_are_named_all_at_once():
    with pytest.raises(OptionsError) as caught:
        Augmentation(
            crop_size=(0, 5), flip=2.0, scale=(2.0, 1.0), downscale=(0.5, 2.0), close_ups=-1
        )
    for name in ("crop_size", "flip", "scale", "downscale", "close_ups"):
        assert name in caught.value.message
    with pytest.raises(OptionsError, match="exclude each other"):
        Augmentation(crop_size=(5, 5), crop_fraction=0.5)


def test_several_windows_of_one_image_share_scale_flip_and_colours():
    """Each is a part of the image augmented whole."""
    sample = crowd()
    augment = Augmentation(
        crop_size=(32, 48), crops=4, scale=(1.0, 1.0), flip=0.5, brightness=(0.5, 0.9)
    )
    flips = set()
    for seed in range(8):
        windows = augment(sample, seed)
        assert [each.size for each in windows] == [(32, 48)] * 4
        brightness, mirrored = zip(*(placed(sample, each) for each in windows), strict=True)
        assert max(brightness) - min(brightness) < 0.05
        assert len(set(mirrored)) == 1
        flips.add(mirrored[0])
        corners = {each.image.sum().item() for each in windows}
        assert len(corners) > 1
    assert flips == {True, False}


def placed(sample, window):
    """How bright a window is beside the image, and whether it is mirrored, by its people."""
    whole = sample.points.as_subclass(torch.Tensor)
    here = window.points.as_subclass(torch.Tensor)
    found = {}
    for mirrored in (False, True):
        xy = here.clone()
        if mirrored:
            xy[:, 0] = 48 - xy[:, 0]
        shifts = (whole[:, None] - xy[None]).reshape(-1, 2)
        rounded = (shifts / 0.01).round()
        _, votes = rounded.unique(dim=0, return_counts=True)
        found[mirrored] = votes.max().item()
    mirrored = found[True] > found[False]
    return window.image.float().mean().item() / sample.image.float().mean().item(), mirrored


def test_one_crop_is_what_it_was_without_the_option():
    """By the sum of the pixels that every option together gave before there was this one."""
    sample = EVERYTHING(crowd(), 5)
    assert same(replace(EVERYTHING, crops=1)(crowd(), 5), sample)
    assert (int(sample.image.sum()), len(sample.points)) == (464466, 17)


def test_the_first_of_several_windows_is_the_only_one_of_one():
    """Where nothing is drawn after the window."""
    plain = {"crop_size": (32, 48), "scale": (0.7, 1.3), "flip": 0.0}
    for seed in range(5):
        first, *_ = Augmentation(**plain, crops=3)(crowd(), seed)
        assert same(first, Augmentation(**plain)(crowd(), seed))


def test_several_windows_of_a_small_image_are_padded():
    windows = Augmentation(crop_size=(128, 128), crops=3, flip=0.0)(crowd(), 1)
    for each in windows:
        assert each.size == (128, 128)
        assert len(each.points) == 200
        assert each.roi.sum() == 90 * 120


@pytest.mark.parametrize(
    ("options", "message"),
    [({"crops": 0, "crop_size": (8, 8)}, "crops 0"), ({"crops": 2}, "crops 2 without crop_size")],
)
def test_windows_that_make_no_sense_are_refused(options, message):
    with pytest.raises(OptionsError, match=message):
        Augmentation(**options)
