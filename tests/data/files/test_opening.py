"""Which files are images, and which are more than one."""

import os

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from crowdkit_core.data import check, image_size, read_image
from crowdkit_core.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def photo(shade=0):
    return Image.fromarray(np.roll(PIXELS, shade, axis=0))


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPG", "avif", "webp", "jp2", "gif", "heic"])
def test_endings_that_a_folder_of_photographs_has(tmp_path, suffix):
    if suffix == "heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    kind = {"jfif": "JPEG", "jpe": "JPEG", "heic": "HEIF", "jp2": "JPEG2000", "JPG": "JPEG"}
    photo().save(tmp_path / f"a.{suffix}", format=kind.get(suffix, suffix))
    (tmp_path / "a.csv").write_text("x,y\n3,4\n")
    assert read_image(tmp_path / f"a.{suffix}").shape == (3, 20, 30)
    assert check(tmp_path).ok


def test_heic_without_its_package_names_it(tmp_path, monkeypatch):
    (tmp_path / "a.heic").write_bytes(b"\0" * 40)
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(DataError, match=r"a\.heic: HEIC pictures need the package pillow-heif"):
        read_image(tmp_path / "a.heic")


@pytest.mark.parametrize("suffix", ["tif", "gif", "webp", "png"])
@pytest.mark.parametrize("read", [read_image, image_size])
def test_several_images_in_a_file_are_refused(tmp_path, suffix, read):
    path = tmp_path / f"stack.{suffix}"
    photo().save(path, save_all=True, append_images=[photo(3), photo(7)])
    with pytest.raises(DataError, match=rf"stack\.{suffix}: 3 .*frames.*, expected one image"):
        read(path)


def test_a_tiff_with_smaller_copies_of_its_picture_is_one_image(tmp_path):
    small = TiffImagePlugin.ImageFileDirectory_v2()
    small[254] = 1
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / "a.tif", True) as file:
        photo().save(file, format="TIFF")
        file.newFrame()
        photo().resize((15, 10)).save(file, format="TIFF", tiffinfo=small)
    with Image.open(tmp_path / "a.tif") as image:
        assert image.n_frames == 2
    assert np.array_equal(read_image(tmp_path / "a.tif").permute(1, 2, 0).numpy(), PIXELS)


@pytest.mark.parametrize("read", [read_image, image_size])
def test_channels_that_are_no_colours_are_refused(tmp_path, read):
    Image.fromarray(np.dstack([PIXELS, PIXELS[..., :1]])).convert("RGBX").save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif: 4 channels, expected grey or RGB"):
        read(tmp_path / "a.tif")


def test_a_phone_photograph_with_a_second_picture_is_its_first(tmp_path):
    photo().save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[photo(5)])
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "MPO"
        first = np.asarray(image.convert("RGB"))
    assert np.array_equal(read_image(tmp_path / "a.jpg").permute(1, 2, 0).numpy(), first)


def test_a_name_that_no_file_can_have(tmp_path):
    with pytest.raises(DataError, match="cannot be read as an image: File name too long"):
        read_image(tmp_path / f"{'a' * 300}.png")


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"a\.jpg: a pipe, socket or device"):
        read_image(tmp_path / "a.jpg")
