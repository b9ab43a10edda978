import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from crowdkit_core.data import image_size, read_image, read_mask
from crowdkit_core.errors import DataError


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_orientation_is_applied_as_pillow_does(tmp_path, orientation, suffix):
    pixels = np.random.default_rng(1).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels).save(path, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    image = read_image(path)
    assert np.array_equal(image.permute(1, 2, 0).numpy(), expected)
    assert image_size(path) == tuple(image.shape[1:]) == expected.shape[:2]


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_a_tiff_of_any_mode_is_turned_once(tmp_path, mode, orientation):
    upright = np.random.default_rng(1).integers(1, 256, (3, 5), dtype=np.uint8)
    image = Image.fromarray(upright.astype(np.uint16)) if mode == "I;16" else None
    image = image or Image.fromarray(upright).convert("RGB").convert(mode)
    image.save(tmp_path / "upright.tif")
    image.save(tmp_path / "turned.tif", tiffinfo={274: orientation})
    expected = read_image(tmp_path / "upright.tif").permute(1, 2, 0).numpy()
    turns = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 1),
    }
    found = read_image(tmp_path / "turned.tif").permute(1, 2, 0).numpy()
    assert np.array_equal(found, turns[orientation](expected))
    assert image_size(tmp_path / "turned.tif") == found.shape[:2]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.new("RGB", (4, 2), (255, 255, 255)).convert(mode).save(path)
    image = read_image(path)
    assert image.dtype == torch.uint8
    assert image.shape == (3, 2, 4)
    assert image.unique().tolist() == [255]


def test_palette_with_transparency_gives_no_warning(tmp_path):
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.save(tmp_path / "a.png", transparency=b"\x00\x80")
    assert read_image(tmp_path / "a.png")[:, 0, 0].tolist() == [10, 20, 30]


def test_deep_grey_is_stretched_to_its_own_range(tmp_path):
    values = np.array([[1000, 1500], [2000, 1000]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert read_image(tmp_path / "a.tif").tolist() == [[[0, 128], [255, 0]]] * 3


def test_deep_constant_image_is_black(tmp_path):
    Image.fromarray(np.full((2, 2), 700, dtype=np.uint16)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").unique().tolist() == [0]


def test_mask_keeps_small_labels_of_deep_images(tmp_path):
    labels = np.array([[0, 1], [60000, 0]], dtype=np.uint16)
    Image.fromarray(labels).save(tmp_path / "a.png")
    assert read_mask(tmp_path / "a.png").tolist() == [[False, True], [True, False]]


def damage(path: Path, kind: str) -> None:
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no picture")
    elif kind == "huge":
        path.write_bytes(png_header(30_000, 30_000))
    elif kind == "folder":
        path.mkdir()


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("missing", "no such file"),
        ("empty", "0 bytes"),
        ("text", "not an image"),
        ("huge", "900000000 pixels"),
        ("folder", "a folder"),
    ],
)
@pytest.mark.parametrize("read", [read_image, read_mask, image_size])
def test_what_is_no_image_is_refused_by_name(tmp_path, read, kind, cause):
    path = tmp_path / "broken.jpg"
    damage(path, kind)
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert cause in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_an_image_cut_short_is_refused(tmp_path, save_image, suffix):
    path = save_image(tmp_path / f"a.{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert image_size(path) == (40, 60)
    with pytest.raises(DataError, match=f"a.{suffix}: cannot be read as an image"):
        read_image(path)
