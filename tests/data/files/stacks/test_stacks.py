"""Which frames a file has, and which are chosen."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from crowdkit_core.data.files.stacks import (
    ALL_FRAMES,
    Projection,
    Selection,
    image_size,
    opened_frames,
    parse_frames,
    parse_projection,
    read_image,
)
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.inference.sources import Reading, images_in
from crowdkit_core.interfaces import ValueRange

PLANES = np.random.default_rng(0).integers(0, 4096, (2, 3, 2, 8, 10)).astype(np.uint16)


def all_of(path, selection=ALL_FRAMES):
    """The number, the place and the values of each frame."""
    with opened_frames(path, selection) as frames:
        return [(each.number, dict(each.place), each.read()) for each in frames.chosen]


def test_frames_of_an_ome_file_lie_on_its_axes(ome):
    found = all_of(ome, Selection(channel="GFP"))
    places = [(t, z) for t in range(2) for z in range(3)]
    assert [number for number, _, _ in found] == list(range(6))
    assert [place for _, place, _ in found] == [
        {"t": t, "z": z, "channel": "GFP"} for t, z in places
    ]
    for (t, z), (_, _, values) in zip(places, found, strict=True):
        assert np.array_equal(values, PLANES[t, z, 1])


def test_frames_of_an_imagej_hyperstack_lie_on_its_axes(hyperstack):
    ((number, place, values),) = all_of(hyperstack, Selection(channel=0, frames=4))
    assert (number, place) == (4, {"t": 1, "z": 1})
    assert np.array_equal(values, PLANES[1, 1, 0])


def test_pages_without_names_are_frames_by_number(pages):
    found = all_of(pages, Selection(frames=slice(0, None, 2)))
    assert [(number, place) for number, place, _ in found] == [(0, {}), (2, {})]
    assert np.array_equal(found[1][2], PLANES[0, 2, 0])


@pytest.mark.parametrize(
    ("text", "combined"),
    [("max", PLANES.max(axis=1)), ("mean:t", np.rint(PLANES.mean(axis=0)).astype(np.uint16))],
)
def test_planes_are_projected(ome, text, combined):
    selection = Selection(channel=1, projection=parse_projection(text))
    found = all_of(ome, selection)
    assert len(found) == len(combined)
    for (_, _, values), expected in zip(found, combined, strict=True):
        assert np.array_equal(values, expected[1])


def test_one_image_is_what_a_selection_leaves(ome):
    selection = Selection(channel=0, projection=Projection(rule="max"), frames=1)
    image = read_image(ome, selection=selection)
    assert image.shape == (3, 8, 10)
    assert image_size(ome, selection=selection) == (8, 10)


def test_frames_of_8_bits_are_what_they_are_as_files_of_their_own(tmp_path):
    colours = np.random.default_rng(1).integers(0, 256, (3, 8, 10, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    for (_, _, values), expected in zip(all_of(tmp_path / "a.tif"), colours, strict=True):
        assert np.array_equal(values, expected)


def test_pages_of_a_palette_have_its_colours(tmp_path):
    images = [Image.fromarray(np.full((4, 5), shade, dtype=np.uint8)) for shade in (10, 200)]
    first, second = (image.convert("RGB").quantize(4) for image in images)
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    shades = [int(values.max()) for _, _, values in all_of(tmp_path / "a.tif")]
    assert shades == [10, 200]


def test_frames_of_an_animation_have_times(tmp_path):
    shades = [Image.new("RGB", (5, 4), (shade, 0, 0)) for shade in (0, 100, 250)]
    shades[0].save(
        tmp_path / "a.gif", save_all=True, append_images=shades[1:], duration=[500, 250, 1000]
    )
    with opened_frames(tmp_path / "a.gif") as frames:
        assert [each.time for each in frames.chosen] == [0.0, 0.5, 0.75]
        assert [int(each.read()[0, 0, 0]) for each in frames.chosen] == [0, 100, 250]


@pytest.mark.parametrize(
    ("name", "values", "options", "expected"),
    [
        ("float RGB", np.array([[[0, 0.5, 2]]], np.float32), {}, [0.0, 0.5, 2.0]),
        ("16-bit RGB", np.array([[[7, 4095, 300]]], np.uint16), {}, [7, 4095, 300]),
        ("uint32", np.array([[3_000_000_000, 1]], np.uint32), {}, [3_000_000_000, 1]),
        ("signed", np.array([[-100, 100]], np.int8), {}, [-100, 100]),
        ("float64", np.array([[-0.25, 1.5]], np.float64), {}, [-0.25, 1.5]),
        (
            "WhiteIsZero",
            np.array([[0, 65535, 1000]], np.uint16),
            {"photometric": "miniswhite"},
            [65535, 0, 64535],
        ),
    ],
)
def test_values_of_any_type_are_read_as_the_file_has_them(
    tmp_path, name, values, options, expected
):
    more = {"photometric": "rgb" if values.ndim == 3 else "minisblack", **options}
    tifffile.imwrite(tmp_path / "a.tif", values, **more)
    ((_, _, found),) = all_of(tmp_path / "a.tif")
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_stack_is_turned_upright(tmp_path, orientation):
    tag = (274, "H", 1, orientation, False)
    planes = PLANES[0, :, 0]
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="minisblack", extratags=[tag])
    turned = np.rot90(planes[1], 2 if orientation == 3 else -1)
    assert np.array_equal(all_of(tmp_path / "a.tif")[1][2], turned)
    assert image_size(tmp_path / "a.tif", selection=Selection(frames=1)) == turned.shape


def test_several_channels_are_not_guessed_at(ome):
    with pytest.raises(DataError, match=r"a\.ome\.tif: 2 channels") as caught:
        all_of(ome)
    assert "0 DAPI, 1 GFP" in caught.value.hint


@pytest.mark.parametrize(
    ("selection", "cause"),
    [
        (Selection(channel="Cy5"), "has no channel Cy5"),
        (Selection(channel=2), "has no channel 2"),
        (Selection(channel=0, frames=6), "has no frame 6; it has 6 frames, 0 to 5"),
        (Selection(channel=0, frames=slice(7, 9)), "has no frame 7:9:; it has 6 frames"),
    ],
)
def test_what_is_not_there_is_named(ome, selection, cause):
    with pytest.raises(DataError, match=cause):
        all_of(ome, selection)


def test_planes_without_depth_are_not_projected(pages, tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    for path in (pages, tmp_path / "a.png"):
        with pytest.raises(DataError, match=f"{path.name}: has no z axis to project over"):
            all_of(path, Selection(projection=Projection(rule="max")))


def test_an_axis_that_nobody_can_name_is_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        PLANES[0, :, 0],
        metadata={"axes": "HYX"},
        photometric="minisblack",
    )
    with pytest.raises(DataError, match="its axis H of 3 planes is neither time, depth nor"):
        all_of(tmp_path / "a.ome.tif")


def test_the_frames_before_a_cut_are_good(pages, hyperstack):
    """The pages end within the last of them, the hyperstack within its planes."""
    for path, selection, kept in (
        (pages, ALL_FRAMES, 0.7),
        (hyperstack, Selection(channel=0), 0.3),
    ):
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * kept)])
        images = images_in(path, Reading(selection=selection, value_range=ValueRange(0.0, 255.0)))
        expected = np.minimum(PLANES[0, 0, 0], 255)
        assert np.array_equal(next(images).pixels[0].numpy(), expected)
        with pytest.raises(DataError, match=f"{path.name}: cut short or damaged"):
            list(images)


def test_lost_pages_are_told_of(pages):
    with tifffile.TiffFile(pages) as file:
        end = file.pages[1].dataoffsets[0] + file.pages[1].databytecounts[0]
        start = file.pages[2].offset
    pages.write_bytes(pages.read_bytes()[: min(start, end)])
    with opened_frames(pages) as frames:
        assert frames.total == 2
        assert frames.ending == f"{pages}: cut short or damaged after frame 1"


@pytest.mark.parametrize("package", ["tifffile", "imagecodecs"])
def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch, package):
    path = tmp_path / "a.tif"
    planes = PLANES[0, :, 0]
    tifffile.imwrite(path, planes, photometric="minisblack", compression="zstd", metadata=None)
    if package == "tifffile":
        monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    else:
        from tifffile import TIFF

        def missing(key):
            raise ImportError("ZSTD requires the 'imagecodecs' package")

        monkeypatch.setattr(type(TIFF.DECOMPRESSORS), "__getitem__", lambda self, key: missing(key))
    with pytest.raises(DataError, match=f"needs? the package {package}") as caught:
        all_of(path)
    assert "pip install 'crowdkit-core[tiff]'" in caught.value.hint


def test_a_value_that_is_not_finite_is_refused(tmp_path):
    values = np.array([[0.0, np.nan], [1.0, 2.0]])
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    with pytest.raises(DataError, match=r"a\.tif: pixel values are not finite"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("text", ["", "x", "-1", "3:x", "1:2:3:4", "5:0:-1", "1.5"])
def test_frames_are_a_number_or_a_slice(text):
    with pytest.raises(UsageError, match="expected a number from 0, or FIRST:END:STEP"):
        parse_frames(text)


def test_a_projection_is_of_a_known_rule():
    with pytest.raises(UsageError, match="expected max or mean"):
        parse_projection("median")
