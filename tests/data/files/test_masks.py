"""What masks and dot images say, whatever they were saved as."""

import numpy as np
import pytest
from PIL import Image

from crowdkit_core.data import read_mask
from crowdkit_core.data.files import read_dots
from crowdkit_core.errors import DataError

DISC = np.hypot(*np.ogrid[-31.5:32.5, -31.5:32.5]) < 20
WHITE = DISC * np.uint8(255)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.avif", "a.jp2", "a.tif", "a.bmp"])
def test_a_mask_is_the_same_in_every_format(tmp_path, name):
    Image.fromarray(WHITE).save(tmp_path / name)
    assert (read_mask(tmp_path / name).numpy() != DISC).mean() < 0.005


def test_labels_of_a_lossless_mask_are_inside_however_dark(tmp_path):
    Image.fromarray(DISC * np.uint8(2)).save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png").numpy(), DISC)


def test_a_smeared_mask_without_black_and_white_is_refused(tmp_path):
    Image.fromarray(DISC * np.uint8(127)).save(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"a\.jpg: JPEG smears masks, and in this one 3\d% of"):
        read_mask(tmp_path / "a.jpg")


def with_alpha(path, colours, alpha):
    rgb = np.repeat(colours[..., None], 3, axis=2)
    Image.fromarray(np.dstack([rgb, alpha])).save(path)


@pytest.mark.parametrize("hidden", [0, 255])
def test_what_is_transparent_is_outside(tmp_path, hidden):
    with_alpha(tmp_path / "a.png", np.where(DISC, 255, hidden).astype(np.uint8), WHITE)
    assert np.array_equal(read_mask(tmp_path / "a.png").numpy(), DISC)


def test_black_on_opaque_is_outside_as_ever(tmp_path):
    with_alpha(tmp_path / "a.png", WHITE, np.full_like(WHITE, 255))
    assert np.array_equal(read_mask(tmp_path / "a.png").numpy(), DISC)


def test_transparency_that_contradicts_the_colours_is_refused(tmp_path):
    with_alpha(tmp_path / "a.png", WHITE, 255 - WHITE)
    with pytest.raises(DataError, match="not transparent is black, so nothing is inside"):
        read_mask(tmp_path / "a.png")


def test_labels_in_a_format_that_smears_are_refused(tmp_path):
    Image.fromarray(DISC * np.uint8(9)).save(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="no pixel is white, the brightest is"):
        read_mask(tmp_path / "a.jpg")


def test_a_smeared_mask_of_nothing_is_one(tmp_path):
    Image.fromarray(WHITE * 0).save(tmp_path / "a.jpg")
    assert not read_mask(tmp_path / "a.jpg").any()


def test_a_mask_of_transparency_alone_is_refused(tmp_path):
    with_alpha(tmp_path / "a.png", np.zeros_like(WHITE), WHITE)
    with pytest.raises(DataError, match="not transparent is black, so nothing is inside"):
        read_mask(tmp_path / "a.png")


def test_half_transparent_masks_are_refused(tmp_path):
    with_alpha(tmp_path / "a.png", np.full_like(WHITE, 255), DISC * np.uint8(128))
    with pytest.raises(DataError, match=r"transparency 3\d% of the pixels are neither"):
        read_mask(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.avif", "a.jp2"])
def test_dots_in_a_format_that_smears_are_refused(tmp_path, name):
    dots = np.zeros((40, 40), dtype=np.uint8)
    dots[10:40:10, 10:40:10] = 255
    Image.fromarray(dots).save(tmp_path / name)
    with pytest.raises(DataError, match="smears single pixels"):
        read_dots(tmp_path / name)


def test_dots_in_a_tiff_that_is_compressed_as_jpeg_are_refused(tmp_path):
    dots = np.zeros((40, 40, 3), dtype=np.uint8)
    Image.fromarray(dots).save(tmp_path / "a.tif", compression="jpeg")
    with pytest.raises(DataError, match="smears single pixels"):
        read_dots(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.bmp"])
def test_dots_in_a_format_that_keeps_pixels_are_counted(tmp_path, name):
    dots = np.zeros((40, 40), dtype=np.uint8)
    dots[10:40:10, 10:40:10] = 255
    Image.fromarray(dots).save(tmp_path / name, lossless=True)
    assert read_dots(tmp_path / name).sum() == 9
