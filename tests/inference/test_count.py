"""Counting images of every kind, everywhere and inside regions."""

import threading
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from crowdkit_core.density import sum_pool
from crowdkit_core.errors import CrowdkitError, DataError, IncompatibleError, ShapeError, UsageError
from crowdkit_core.inference import as_image, count, count_paths, find_images
from crowdkit_core.inference import tiles as tiles_module
from crowdkit_core.inference.images import as_float
from crowdkit_core.interfaces import Counter, LocalizedPoints, MapSpec, Prediction
from crowdkit_core.testing.toys import ToyCounter


def dots(height, width, *places):
    """A black image with fully red pixels, one person each for the brightness counter."""
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    for x, y in places:
        image[0, y, x] = 255
    return image


def write(path, image):
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)
    return path


def test_every_kind_of_image_counts_alike(make_counter, tmp_path):
    counter = make_counter("BrightnessCounter")
    image = dots(20, 30, (3, 4), (29, 19), (0, 0))
    array = image.permute(1, 2, 0).numpy()
    file = write(tmp_path / "photo.png", image)
    kinds = [file, str(file), Image.fromarray(array), array, array / 255, image, image / 255]
    for kind in kinds:
        counted = count(counter, kind)
        assert counted.count == counted.whole_count == pytest.approx(3)
        assert counted.size == (20, 30)
        assert counted.density.sum().item() == pytest.approx(3)
        assert not counted.approximate
    assert count(counter, str(file)).name == str(file)
    assert count(counter, image).name == ""


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_a_deep_grey_image_is_the_same_from_a_file_and_from_pillow(tmp_path, dtype):
    values = np.arange(1000, 1012, dtype=dtype).reshape(3, 4) * 10
    Image.fromarray(values).save(tmp_path / "deep.tif")
    with Image.open(tmp_path / "deep.tif") as opened:
        pixels = as_image(opened)
    assert torch.equal(pixels, as_image(tmp_path / "deep.tif"))
    assert pixels.unique().tolist() == np.rint(np.arange(12) * 255 / 11).tolist()


def test_a_grey_array_is_an_rgb_image(make_counter):
    grey = np.zeros((5, 6), dtype=np.uint8)
    grey[2, 3] = 255
    assert count(make_counter("BrightnessCounter"), grey).count == pytest.approx(1)


def test_a_turned_photo_is_counted_upright(make_counter, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned a quarter clockwise
    Image.new("RGB", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)
    counter = make_counter("BrightnessCounter")
    with Image.open(tmp_path / "turned.jpg") as opened:
        assert count(counter, opened).size == (30, 20)
    assert count(counter, tmp_path / "turned.jpg").size == (30, 20)


def test_tiles_do_not_change_the_count(make_counter):
    counter = make_counter("PoolingCounter")
    image = torch.rand(3, 101, 67, generator=torch.Generator().manual_seed(0))
    whole, tiled = count(counter, image, tile=None), count(counter, image, tile=24)
    assert tiled.count == pytest.approx(whole.count, rel=1e-4)
    torch.testing.assert_close(tiled.density, whole.density, rtol=1e-4, atol=1e-6)
    assert not tiled.approximate
    assert count(counter, image, tile=24, halo=4).approximate


def test_auto_tiles_large_images(make_counter, monkeypatch):
    counter = make_counter("PoolingCounter")
    image = torch.rand(3, 100, 100)
    whole = count(counter, image)
    assert counter.seen == [(100, 100)]
    monkeypatch.setattr(tiles_module, "AUTO_PIXELS", 64 * 64)
    assert count(counter, image).count == pytest.approx(whole.count, rel=1e-4)
    assert len(counter.seen) > 2


@given(cut=st.integers(1, 29), seed=st.integers(0, 9))
@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_region_and_its_complement_make_the_whole(make_counter, cut, seed):
    counter = make_counter("PoolingCounter")
    image = torch.rand(3, 21, 30, generator=torch.Generator().manual_seed(seed))
    roi = torch.zeros(21, 30, dtype=torch.bool)
    roi[:, :cut] = True
    inside, outside = count(counter, image, roi=roi), count(counter, image, roi=~roi)
    whole = count(counter, image)
    assert inside.count + outside.count == pytest.approx(whole.count, rel=1e-5)
    assert inside.whole_count == pytest.approx(whole.count)
    assert inside.density.sum().item() == pytest.approx(inside.count, rel=1e-5)


def test_polygon_and_mask_count_alike(make_counter):
    counter = make_counter("BrightnessCounter")
    image = dots(20, 30, (3, 4), (12, 9), (29, 19))
    mask = torch.zeros(20, 30, dtype=torch.bool)
    mask[:10, :15] = True
    polygon = [[0, 0], [15, 0], [15, 10], [0, 10]]
    assert count(counter, image, roi=mask).count == pytest.approx(2)
    assert count(counter, image, roi=polygon).count == pytest.approx(2)


def test_points_inside_the_region(make_counter, localizer):
    counter = make_counter("BrightnessCounter")
    image = dots(20, 30, (3, 4), (12, 9), (29, 19))
    everywhere = count(counter, image, localizer=localizer)
    assert everywhere.points.xy.tolist() == [[3.5, 4.5], [12.5, 9.5], [29.5, 19.5]]
    right = count(counter, image, localizer=localizer, roi=[[20, 0], [30, 0], [30, 20], [20, 20]])
    assert right.points.xy.tolist() == [[29.5, 19.5]]
    assert len(right.points.score) == 1


def test_a_counter_that_finds_points_needs_no_localizer(make_counter, localizer):
    counter = make_counter("BrightnessCounter")
    own = LocalizedPoints(torch.tensor([[4.0, 5.0], [25.0, 6.0]]), torch.tensor([0.9, 0.8]))
    see = counter.predict
    counter.predict = lambda images: replace(see(images), points=[own])
    image = dots(20, 30, (3, 4))
    assert count(counter, image).points.xy.tolist() == own.xy.tolist()
    right = count(counter, image, roi=[[20, 0], [30, 0], [30, 20], [20, 20]])
    assert right.points.xy.tolist() == [[25.0, 6.0]]
    assert count(counter, image, localizer=localizer).points.xy.tolist() == [[3.5, 4.5]]


class Doubling(Counter):
    """Counts a bright image once, enlarged; ``forward`` alone gives a quarter of that."""

    outputs = MappingProxyType({"density": MapSpec("density", 1)})
    receptive_field = 0

    def forward(self, images):
        return Prediction.from_density(images[:, :1], 1)

    def predict(self, images):
        found = self(images.repeat_interleave(2, 2).repeat_interleave(2, 3)).density
        return Prediction.from_density(sum_pool(found, 2), 1)


class DoublingInTiles(Doubling):
    """The same, which can say how it would count in tiles."""

    def predict(self, images):
        return super().predict(images)

    def predict_in_tiles(self, image, look):
        larger = as_float(image).repeat_interleave(2, 1).repeat_interleave(2, 2)
        return Prediction.from_density(sum_pool(look(self, larger)["density"], 2), 1)


class Overriding(DoublingInTiles):
    """Tiles of the class before are not those of this ``predict``."""

    def predict(self, images):
        return super().predict(images / 2)


def test_tiles_go_inside_a_counters_own_procedure_or_are_refused():
    image = dots(20, 30, (3, 4), (12, 9), (29, 19))
    assert count(Doubling(), image).count == pytest.approx(12)
    tiled = count(DoublingInTiles(), image, tile=8)
    assert tiled.count == pytest.approx(12)
    assert not tiled.approximate
    changed = DoublingInTiles()
    changed.predict = DoublingInTiles().predict
    for counter in (Doubling(), Overriding(), changed):
        with pytest.raises(IncompatibleError, match=r"Doubling|Overriding.*procedure of its own"):
            count(counter, image, tile=8)
        # What fits into one tile is counted as without tiles.
        assert count(counter, image, tile=30).count == count(counter, image).count


def test_an_approximate_count_says_why(make_counter):
    image = torch.rand(3, 64, 64)
    counter = make_counter("PoolingCounter")
    (note,) = count(counter, image, tile=16, halo=0).notes
    assert f"needs {counter.receptive_field} pixels" in note
    assert count(counter, image, tile=16).notes == ()
    counter.direct_count = True
    (note,) = count(counter, image, tile=16).notes
    assert "count of its own" in note
    assert count(counter, image, tile=16).approximate
    counter.receptive_field = None
    counter.direct_count = False
    (note,) = count(counter, image, tile=16, halo=8).notes
    assert "whole image" in note


def test_the_localizer_sees_no_seams(make_counter, localizer):
    counter = make_counter("BrightnessCounter")
    image = dots(40, 40, (7, 7), (8, 8), (31, 32))
    tiled = count(counter, image, tile=8, localizer=localizer)
    assert tiled.points.xy.tolist() == [[7.5, 7.5], [8.5, 8.5], [31.5, 32.5]]


def test_what_does_not_fit_together(make_counter, localizer):
    pure = make_counter("PureCounter")
    image = dots(8, 8)
    assert count(pure, image).density is None
    with pytest.raises(IncompatibleError, match=r"BrightPixels.*PureCounter"):
        count(pure, image, localizer=localizer)
    with pytest.raises(IncompatibleError, match="cannot be restricted to a region"):
        count(pure, image, roi=torch.ones(8, 8))
    with pytest.raises(IncompatibleError, match="no density map"):
        count(pure, image, tile=4)


def test_modes_and_gradients_are_left_as_they_were(make_counter):
    counter = make_counter("PoolingCounter").train()
    counter.second.eval()
    density = count(counter, torch.rand(3, 16, 16)).density
    assert counter.training
    assert counter.first.training
    assert not counter.second.training
    assert not density.requires_grad
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (torch.zeros(4, 8, 8), ShapeError, r"\(4, 8, 8\)"),
        (torch.zeros(1, 3, 8, 8), ShapeError, r"\(1, 3, 8, 8\)"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), ShapeError, "int64"),
        (np.zeros((8, 8, 4), dtype=np.uint8), ShapeError, r"\(8, 8, 4\)"),
        (np.zeros((8, 8, 3), dtype=np.int32), ShapeError, "int32"),
        (torch.full((3, 8, 8), 255.0), UsageError, "255"),
        (torch.full((3, 8, 8), float("nan")), UsageError, "nan"),
    ],
)
def test_what_is_not_an_image(make_counter, image, error, message):
    with pytest.raises(error, match=message):
        count(make_counter("BrightnessCounter"), image)


def test_an_image_too_small_for_the_counter(make_counter):
    with pytest.raises(DataError, match=r"20 x 6 pixels; counter 'PoolingCounter' .* 5 x 7"):
        count(make_counter("PoolingCounter"), torch.zeros(3, 6, 20))


def test_a_count_that_is_no_number(make_counter):
    counter = make_counter("DilatedCounter")
    with torch.no_grad():
        counter.net[0].bias.fill_(float("nan"))
    with pytest.raises(CrowdkitError, match="count of nan"):
        count(counter, torch.zeros(3, 8, 8))


def test_paths_are_counted_in_natural_order(make_counter, tmp_path):
    for number in (10, 2, 1):
        write(tmp_path / f"{number}.png", dots(9, 9, *((x, 0) for x in range(number % 9))))
    counted = list(count_paths(make_counter("BrightnessCounter"), [tmp_path]))
    assert [each.name for each in counted] == [str(tmp_path / f"{n}.png") for n in (1, 2, 10)]
    assert [round(each.count) for each in counted] == [1, 2, 1]


def test_a_bad_file_stops_or_is_reported(make_counter, tmp_path):
    counter = make_counter("BrightnessCounter")
    write(tmp_path / "1.png", dots(9, 9, (1, 1)))
    (tmp_path / "2.png").write_bytes(b"not an image")
    write(tmp_path / "3.png", dots(9, 9, (1, 1)))
    with pytest.raises(DataError, match=r"2\.png"):
        list(count_paths(counter, [tmp_path]))
    errors = []
    counted = list(count_paths(counter, [tmp_path], on_error=errors.append))
    assert [each.name[-5:] for each in counted] == ["1.png", "3.png"]
    assert len(errors) == 1
    assert "2.png" in str(errors[0])


def test_a_path_without_images_is_refused_at_once(make_counter, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        count_paths(make_counter("BrightnessCounter"), [tmp_path / "absent.jpg"])


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("crowdkit-ahead")]


def test_many_files_are_counted_as_one_by_one(make_counter, tmp_path):
    counter = make_counter("PoolingCounter")
    generator = torch.Generator().manual_seed(0)
    for number in range(5):
        pixels = torch.randint(256, (3, 20 + number, 30), dtype=torch.uint8, generator=generator)
        write(tmp_path / f"{number}.png", pixels)
    counted = list(count_paths(counter, [tmp_path]))
    for each, file in zip(counted, find_images([tmp_path]), strict=True):
        alone = count(counter, file)
        assert (each.name, each.source) == (alone.name, alone.source) == (str(file), file)
        assert (each.count, each.size) == (alone.count, alone.size)
        assert torch.equal(each.density, alone.density)


def test_counting_files_begins_when_asked_and_stops_when_closed(make_counter, tmp_path):
    for number in range(9):
        write(tmp_path / f"{number}.png", dots(9, 9, (1, 1)))
    counted = count_paths(make_counter("BrightnessCounter"), [tmp_path])
    assert not readers()
    assert next(counted).name == str(tmp_path / "0.png")
    assert readers()
    counted.close()
    assert not readers()


def test_an_error_in_counting_files_stops_the_reader(make_counter, tmp_path):
    for number in range(9):
        write(tmp_path / f"{number}.png", dots(6, 20))
    with pytest.raises(DataError, match=r"0\.png is 20 x 6 pixels"):
        next(count_paths(make_counter("PoolingCounter"), [tmp_path]))
    assert not readers()


def test_attention_is_weights_by_name_and_drawn():
    torch.manual_seed(0)
    counter, image = ToyCounter().eval(), torch.rand(3, 40, 56)
    counted = count(counter, image)
    assert set(counted.attention) == {"attention", "classes"}
    maps = counter(image[None]).maps
    torch.testing.assert_close(counted.attention["attention"], maps["attention"][0, 0])
    shares = maps["classes"][0].softmax(0)  # of the classes 0, 1 and 2
    torch.testing.assert_close(counted.attention["classes"], (shares[1] + 2 * shares[2]) / 2)
    titles = [axes.get_title() for axes in counted.plot_attention().axes]
    assert titles == ["image", str(counted), "attention", "classes"]


def test_a_counter_without_attention_has_none_to_draw(make_counter):
    with pytest.raises(IncompatibleError, match="no attention maps"):
        count(make_counter("BrightnessCounter"), torch.rand(3, 8, 8)).plot_attention()
