"""JPEG files give the pixels that Pillow gives, whoever decodes them."""

import random
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from crowdkit_core.data import read_image
from crowdkit_core.data.files import jpeg, opening
from crowdkit_core.errors import DataError


def photograph(height: int = 61, width: int = 83) -> Image.Image:
    """Smooth colours with some noise, as cameras give them."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    noisy = smooth + rng.integers(-20, 21, smooth.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def by_pillow(content: bytes) -> np.ndarray:
    with Image.open(BytesIO(content)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def read(path, content: bytes) -> np.ndarray:
    path.write_bytes(content)
    return read_image(path).permute(1, 2, 0).numpy()


def by_torchvision(path) -> bool:
    with opening.opened(path) as image:
        return jpeg.decode_jpeg(image) is not None


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_pixels_are_those_of_pillow(tmp_path, mode, subsampling, progressive):
    for size in [(1, 1), (2, 3), (16, 16), (61, 83)]:
        image = photograph(*size).convert(mode)
        content = encoded(image, subsampling=subsampling, progressive=progressive, quality=85)
        assert np.array_equal(read(tmp_path / "a.jpg", content), by_pillow(content))
        assert by_torchvision(tmp_path / "a.jpg")


@pytest.mark.parametrize("orientation", [*range(10), 65535])
def test_pixels_are_turned_as_pillow_turns_them(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(photograph(5, 9), exif=exif)
    assert np.array_equal(read(tmp_path / "a.jpg", content), by_pillow(content))
    assert read_image(tmp_path / "a.jpg").permute(1, 2, 0).is_contiguous()  # as files have them


def test_the_first_of_a_phone_s_two_pictures_is_read(tmp_path):
    first, second = photograph(), photograph(20, 30)
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    content = (tmp_path / "a.jpg").read_bytes()
    assert np.array_equal(read(tmp_path / "a.jpg", content), by_pillow(content))
    assert by_torchvision(tmp_path / "a.jpg")


@pytest.mark.parametrize("options", [{"keep_rgb": True}, {"restart_marker_blocks": 2}])
def test_rarer_ways_of_writing(tmp_path, options):
    content = encoded(photograph(), **options) + b"what a phone appends"
    assert np.array_equal(read(tmp_path / "a.jpg", content), by_pillow(content))
    assert by_torchvision(tmp_path / "a.jpg")


def test_inks_are_left_to_pillow(tmp_path):
    content = encoded(photograph().convert("CMYK"))
    assert np.array_equal(read(tmp_path / "a.jpg", content), by_pillow(content))
    assert not by_torchvision(tmp_path / "a.jpg")


def test_without_torchvision_s_decoders_nothing_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(jpeg, "_decode_jpeg", None)
    content = encoded(photograph())
    assert np.array_equal(read(tmp_path / "a.jpg", content), by_pillow(content))


def test_a_damaged_file_is_what_pillow_makes_of_it(tmp_path):
    whole, rng = encoded(photograph(), quality=90), random.Random(0)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 2, 8])):
            damaged[rng.randrange(len(whole))] = rng.randrange(256)
        content = bytes(damaged[: rng.choice([len(whole), len(whole), rng.randrange(len(whole))])])
        try:
            expected = by_pillow(content)
        except Exception:  # Pillow raises anything
            with pytest.raises(DataError):
                read(tmp_path / "a.jpg", content)
        else:
            assert np.array_equal(read(tmp_path / "a.jpg", content), expected)
