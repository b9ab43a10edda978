"""Images that are read in parts are those that Pillow reads at once."""

import numpy as np
import pytest
import pyvips
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crowdkit_core.data.files import read_image
from crowdkit_core.data.large import open_large
from crowdkit_core.data.large.resizing import parts, triangle_weights
from crowdkit_core.data.transforms import resize_image
from crowdkit_core.errors import DataError

HEIGHT, WIDTH = 103, 151
random = np.random.default_rng(0)
COARSE = Image.fromarray(random.integers(0, 256, (13, 19, 3), dtype=np.uint8))
PHOTO = COARSE.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
DEEP = Image.fromarray(random.integers(100, 4000, (HEIGHT, WIDTH), dtype=np.uint16))

PARTS = ((60, 90, 0, 40), (80, 101, 50, 103), (0, 30, 50, 60), (70, 71, 3, 99))
"""Top, bottom, left, right; overlapping, and not from top to bottom."""


def save_tiff(path, **options):
    pyvips.Image.new_from_array(np.asarray(PHOTO)).tiffsave(str(path), **options)


def files(folder):
    """A file of each kind, by names."""
    for mode in ("RGB", "L", "P", "RGBA", "LA", "1"):
        PHOTO.convert(mode).save(folder / f"{mode}.png")
    for mode in ("RGB", "L", "CMYK"):
        PHOTO.convert(mode).save(folder / f"{mode}.jpg")
    DEEP.save(folder / "deep.png")
    DEEP.save(folder / "deep.tif")
    PHOTO.save(folder / "strips.tif", compression="tiff_lzw")
    tiles = {"tile": True, "tile_width": 32, "tile_height": 32, "compression": "deflate"}
    save_tiff(folder / "tiles.tif", **tiles)
    save_tiff(folder / "big.tif", bigtiff=True, **tiles)
    note = [(65000, "s", 0, "a tag that nobody knows", True)]
    tifffile.imwrite(folder / "noted.tif", np.asarray(PHOTO), tile=(32, 32), extratags=note)
    save_tiff(folder / "pyramid.tif", pyramid=True, **tiles)
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[274] = orientation
        PHOTO.save(folder / f"turned-{orientation}.jpg", exif=exif)
        PHOTO.save(folder / f"turned-{orientation}.png", exif=exif)
    return sorted(folder.iterdir())


def test_every_part_of_every_kind_of_file_is_that_of_the_whole(tmp_path):
    for path in files(tmp_path):
        whole, large = read_image(path), open_large(path)
        assert large.shape == whole.shape, path
        for top, bottom, left, right in PARTS:
            part = large[:, top:bottom, left:right]
            assert torch.equal(part, whole[:, top:bottom, left:right]), path


@pytest.mark.parametrize("name", ["tiles.tif", "strips.tif", "RGB.jpg", "turned-6.jpg", "L.png"])
@pytest.mark.parametrize("factor", [0.13, 0.5, 0.8, 2.0])
def test_resized_in_strips_is_resized_at_once(tmp_path, monkeypatch, name, factor):
    monkeypatch.setattr("crowdkit_core.data.large.resizing.GREATEST_STRIP", 16)
    monkeypatch.setattr("crowdkit_core.data.large.resizing.BAND_PIXELS", 2000)
    path = next(path for path in files(tmp_path) if path.name == name)
    whole, large = read_image(path), open_large(path)
    size = tuple(round(factor * length) for length in whole.shape[1:])
    expected = resize_image(whole, size)
    resized = large.resized(size)
    assert (resized[:, :, :].int() - expected.int()).abs().max() <= 1
    part = resized[:, 5:11, 3:12]
    assert (part.int() - expected[:, 5:11, 3:12].int()).abs().max() <= 1


def test_a_pyramid_is_shrunk_from_its_smallest_sufficient_copy(tmp_path):
    """Each copy has a grey of its own, which tells which one was read."""
    with tifffile.TiffWriter(tmp_path / "a.tif", bigtiff=True) as file:
        for level, side in enumerate((256, 128, 64)):
            grey = np.full((side, side, 3), 10 * level, np.uint8)
            file.write(grey, tile=(32, 32), photometric="rgb", subfiletype=int(level > 0))
    large = open_large(tmp_path / "a.tif")
    shown = {side: int(large.resized((side, side))[:, :, :].max()) for side in (200, 33, 32, 16, 3)}
    assert shown == {200: 0, 33: 0, 32: 10, 16: 20, 3: 20}


@given(old=st.integers(1, 300), new=st.integers(1, 300), most=st.integers(1, 50))
def test_weights_of_parts_are_those_of_the_whole(old, new, most):
    span, whole = triangle_weights(old, new, range(new))
    assert span.stop <= old
    np.testing.assert_allclose(whole.sum(axis=1), 1, rtol=1e-5)
    for part in parts(range(new), most):
        lines, weights = triangle_weights(old, new, part)
        expected = whole.toarray()[part.start : part.stop]
        ours = np.zeros_like(expected)
        ours[:, lines.start - span.start : lines.stop - span.start] = weights.toarray()
        np.testing.assert_allclose(ours, expected, atol=1e-7)


def slide(path):
    """An Aperio slide, as its scanner describes it, and its pixels."""
    pixels = np.array(PHOTO.resize((512, 256)))
    said = "Aperio Image Library v10.2.24\r\n512x256 (256x256) Q=70|AppMag = 20"
    options = {"photometric": "rgb", "description": said, "metadata": None}
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(pixels, tile=(64, 64), **options)
        file.write(np.ascontiguousarray(pixels[::8, ::8]), rowsperstrip=16, **options)  # thumbnail
        file.write(np.ascontiguousarray(pixels[::4, ::4]), tile=(64, 64), **options)
    return pixels


def test_a_slide_is_read_in_all_its_levels(tmp_path):
    pixels = torch.from_numpy(slide(tmp_path / "a.svs")).permute(2, 0, 1)
    large = open_large(tmp_path / "a.svs")
    assert torch.equal(large[:, 100:190, 33:400], pixels[:, 100:190, 33:400])
    small, expected = large.resized((16, 32)), resize_image(pixels[:, ::4, ::4], (16, 32))
    assert (small[:, 3:11, 5:30].int() - expected[:, 3:11, 5:30].int()).abs().max() <= 1


def test_damaged_files_are_named(tmp_path):
    tiles = {"tile": (32, 32), "photometric": "rgb", "compression": "zlib"}
    noise = random.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "cut.tif", noise, **tiles)
    tifffile.imwrite(tmp_path / "strips.tif", noise, rowsperstrip=16, photometric="rgb")
    Image.fromarray(noise).save(tmp_path / "cut.jpg")
    Image.fromarray(noise).save(tmp_path / "cut.png")
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(DataError, match=rf"{path.name}: cannot be read as an image: \S"):
            open_large(path)[:, :, :]


def test_what_is_no_single_image_is_refused(tmp_path):
    pages = [np.zeros((40, 60, 3), np.uint8), np.zeros((40, 60, 3), np.uint8)]
    tifffile.imwrite(tmp_path / "stack.tif", np.stack(pages), photometric="rgb")
    with pytest.raises(DataError, match=r"stack\.tif: 2 pages, of which number 2 is no smaller"):
        open_large(tmp_path / "stack.tif")
    channels = np.zeros((40, 60, 5), np.uint8)
    tifffile.imwrite(tmp_path / "five.tif", channels, photometric="minisblack", planarconfig=1)
    with pytest.raises(DataError, match=r"five\.tif: 5 channels of uchar, expected grey"):
        open_large(tmp_path / "five.tif")
    (tmp_path / "a.mrxs").write_bytes(b"\xff\xd8 no TIFF")
    with pytest.raises(DataError, match=r"a\.mrxs: not a slide that tiffslide can read"):
        open_large(tmp_path / "a.mrxs")


@pytest.mark.parametrize(
    ("package", "name", "extra"), [("pyvips", "a.png", "large"), ("tiffslide", "a.svs", "slides")]
)
def test_a_missing_package_is_named(tmp_path, monkeypatch, package, name, extra):
    (tmp_path / name).write_bytes(b"something")
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(DataError, match=rf"{package}\n  pip install 'crowdkit-core\[{extra}\]'"):
        open_large(tmp_path / name)
