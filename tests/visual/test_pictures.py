"""Pictures show what they should: read back as pixels, without a display."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.visual import (
    Panel,
    ShownMap,
    ShownZone,
    compare_maps,
    counts_of_parts,
    overlay,
    panel_row,
    save,
    side_by_side,
)


def photo_of(picture, size):
    """The part of a picture that shows the photo of this (H, W), without the legend below."""
    scale = max(size) / min(max(*size, 800), 1600)
    return picture[: round(size[0] / scale), : round(size[1] / scale)]


def drawn(figure, tmp_path):
    save(figure, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.format == "PNG"
        picture.verify()
    with Image.open(tmp_path / "picture.png") as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_a_long_caption_stays_inside_the_picture():
    caption = "1,879 people by the map (90 %: 1,700 to 2,000), 1,550 points found"
    figure = overlay(grey(60, 80), caption=caption)
    texts = printed(figure)
    for text in texts:
        box = text.get_window_extent(figure.canvas.get_renderer())
        assert 0 < box.x0 < box.x1 < figure.bbox.width
    assert " ".join(text.get_text() for text in texts[:-1]) == caption


def printed(figure):
    """The texts of the legend, from top to bottom."""
    return [text for axes in figure.axes[1:] for text in axes.texts]


def grey(height, width):
    return torch.full((3, height, width), 100, dtype=torch.uint8)


def map_with_peak(cells, row, column):
    density = torch.zeros(cells)
    density[row, column] = 5.0
    return density


@pytest.mark.parametrize("colormap", ["inferno", "jet"])
def test_heat_lies_where_the_density_is(tmp_path, colormap):
    density = map_with_peak((30, 40), 22, 31)
    picture = drawn(
        overlay(grey(240, 320), caption="5", density=density, stride=8, colormap=colormap), tmp_path
    )
    picture = photo_of(picture, (240, 320))
    colour = picture.max(axis=2) - picture.min(axis=2)
    row, column = np.unravel_index(colour[150:].argmax(), colour[150:].shape)
    scale = picture.shape[0] / 240
    assert abs((row + 150) / scale - 22.5 * 8) < 6
    assert abs(column / scale - 31.5 * 8) < 6
    cold = picture[-40:, :40]
    assert np.ptp(cold) <= 2
    assert 70 < cold.mean() < 100


def test_the_hottest_cell_is_the_brightest(tmp_path):
    density = map_with_peak((30, 40), 22, 31)
    density[22, 8] = 1.0
    picture = drawn(overlay(grey(240, 320), caption="6", density=density, stride=8), tmp_path)
    picture = photo_of(picture, (240, 320))
    scale = picture.shape[0] / 240

    def brightness(column):
        x, y = int((column + 0.5) * 8 * scale), int(22.5 * 8 * scale)
        return picture[y - 3 : y + 4, x - 3 : x + 4].mean()

    assert brightness(31) > brightness(20) + 50
    assert brightness(31) > brightness(8) + 50


def test_an_empty_map_leaves_the_photo(tmp_path):
    image = grey(240, 320)
    empty = drawn(overlay(image, caption="0", density=torch.zeros(30, 40), stride=8), tmp_path)
    assert np.ptp(photo_of(empty, (240, 320))) <= 2


@pytest.mark.parametrize(
    ("size", "expected"),
    [((240, 320), (600, 800)), ((900, 1200), (900, 1200)), ((3000, 4000), (1200, 1600))],
)
def test_the_picture_has_the_photos_shape_and_a_sensible_size(tmp_path, size, expected):
    picture = drawn(overlay(grey(*size), caption="1"), tmp_path)
    height, width = expected
    assert picture.shape[1] == width
    assert np.ptp(picture[:height]) <= 2
    assert height < picture.shape[0] < 1.2 * height


@pytest.mark.parametrize("size", [(9, 900), (900, 9), (1, 1)])
def test_extreme_shapes(tmp_path, size):
    density = torch.ones(-(-size[0] // 4), -(-size[1] // 4))
    picture = drawn(overlay(grey(*size), caption="3", density=density, stride=4), tmp_path)
    assert picture.shape[1] == max(900 * size[1] // max(size), 360) or size == (1, 1)
    assert max(picture.shape) >= 800


def test_points_are_drawn_on_heads(tmp_path):
    heads = torch.tensor([[100.5, 150.5], [250.5, 60.5]])
    picture = drawn(overlay(grey(240, 320), caption="2", points=heads), tmp_path)
    for x, y in (heads * 2.5).round().int().tolist():
        red, green, blue = picture[y, x]
        assert blue > 200
        assert green > 200
        assert red < 100
    assert np.ptp(photo_of(picture, (240, 320))[-50:]) <= 2


def test_outside_the_region_is_darker(tmp_path):
    roi = torch.zeros(240, 320, dtype=torch.bool)
    roi[:, 160:] = True
    picture = photo_of(drawn(overlay(grey(240, 320), caption="2", roi=roi), tmp_path), (240, 320))
    assert abs(picture[300:, 420:].mean() - 100) < 2
    assert picture[300:, :380].mean() < 60


def test_the_caption_is_printed():
    figure = overlay(grey(60, 80), caption="322 people (90 %: 280 to 371)")
    assert printed(figure)[0].get_text() == "322 people (90 %: 280 to 371)"


def test_the_legend_tells_what_the_colours_stand_for():
    """One person in each cell of 8 x 8 pixels is 6.25 in 20 x 20, and all cells are brightest."""
    figure = overlay(grey(240, 320), caption="1200", density=torch.ones(30, 40), stride=8)
    _, colours, length = printed(figure)
    assert colours.get_text() == "0 to 6.25 per 20 x 20 pixels"
    assert length.get_text() == "50 pixels"


def test_people_per_square_metre_are_drawn_in_place_of_people_per_cell(tmp_path):
    """Half as many on the right; no ground, and so no heat, in the sky."""
    crowd = torch.full((30, 40), 4.0)
    crowd[:, 20:] = 2.0
    crowd[:10] = torch.nan
    density = torch.rand(30, 40)
    figure = overlay(grey(240, 320), caption="9", density=density, stride=8, per_square_metre=crowd)
    assert printed(figure)[1].get_text() == "0 to 4 per m²"
    picture = photo_of(drawn(figure, tmp_path), (240, 320))
    sky, left, right = picture[100, 400], picture[500, 100], picture[500, 700]
    assert np.ptp(sky) <= 2
    assert left.sum() > right.sum() > sky.sum()
    assert np.ptp(picture[400:, 10:390]) == np.ptp(left)


def test_the_length_bar_is_as_long_as_it_says():
    figure = overlay(grey(480, 640), caption="1")
    bar = figure.axes[1].lines[0].get_xdata()
    assert printed(figure)[-1].get_text() == "100 pixels"
    assert bar[1] - bar[0] == pytest.approx(100 * 800 / 640)


def test_nobody_does_not_glow(tmp_path):
    """A map of a hundredth of a person is nearly empty, however its places differ."""
    density = map_with_peak((30, 40), 22, 31) * 0.01
    picture = drawn(overlay(grey(240, 320), caption="0", density=density, stride=8), tmp_path)
    assert np.ptp(photo_of(picture, (240, 320))) < 40


def test_zones_are_outlined_and_named(tmp_path):
    left = torch.zeros(240, 320, dtype=torch.bool)
    left[:, :160] = True
    hidden = torch.zeros(240, 320, dtype=torch.bool)
    zones = [ShownZone(label="gate: 43", mask=left), ShownZone(label="none: 0", mask=hidden)]
    figure = overlay(grey(240, 320), caption="43", zones=zones)
    assert [text.get_text() for text in figure.axes[0].texts] == ["gate: 43"]
    x, y = figure.axes[0].texts[0].get_position()
    assert abs(x - 200) < 3
    assert abs(y - 300) < 3
    picture = photo_of(drawn(figure, tmp_path), (240, 320))
    row = picture[100].max(axis=1)
    bright = np.flatnonzero(row > 200)
    assert bright.min() < 5
    assert abs(bright.max() - 400) < 5
    assert (row[410:] == row[-1]).all()


def test_a_picture_of_any_size_is_drawn_alike():
    caption = "322 people (90 %: 280 to 371)"
    small, large = (
        overlay(grey(480, 640), caption=caption, density=torch.ones(60, 80), stride=8, long_side=n)
        for n in (640, 6400)
    )
    assert large.bbox.width == 6400
    assert large.bbox.height == pytest.approx(10 * small.bbox.height, rel=0.01)
    assert [text.get_text() for text in printed(small)] == [
        text.get_text() for text in printed(large)
    ]


def test_float_and_uint8_photos_look_alike(tmp_path):
    image = torch.randint(0, 256, (3, 60, 80), dtype=torch.uint8)
    as_bytes = drawn(overlay(image, caption="1"), tmp_path)
    as_floats = drawn(overlay(image / 255, caption="1"), tmp_path)
    assert np.abs(as_bytes - as_floats).max() <= 2


def test_side_by_side_names_both_counts(tmp_path):
    target, predicted = map_with_peak((60, 80), 30, 40), map_with_peak((30, 40), 15, 20)
    figure = side_by_side(
        grey(240, 320),
        actual_points=torch.zeros(1356, 2),
        count=1341.26,
        target=target,
        target_stride=4,
        density=predicted,
        stride=8,
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["image", "ground truth: 1,356", "prediction: 1,341.3"]
    picture = drawn(figure, tmp_path)
    assert picture.shape == (480 + 52 + 16, 3 * (640 + 16) + 16, 3)
    for panel in (1, 2):
        left = 16 + panel * 656
        hot = picture[52 + 230 : 52 + 250, left + 310 : left + 330]
        assert hot.max() > 150
        assert picture[-60:-20, left + 10 : left + 60].max() < 20


def test_maps_of_different_strides_share_one_scale(tmp_path):
    """A person spread evenly over the same area looks the same at stride 4 and 8."""
    fine, coarse = torch.full((60, 80), 0.01), torch.full((30, 40), 0.04)
    panels = [Panel(title="a", density=fine, stride=4), Panel(title="b", density=coarse, stride=8)]
    picture = drawn(panel_row(grey(240, 320), panels), tmp_path)
    left, right = picture[300, 300], picture[300, 300 + 656]
    assert np.abs(left - right).max() <= 2
    assert left.max() > 200


def test_found_heads_are_dots_in_the_rings_of_annotated_ones(tmp_path):
    actual = torch.tensor([[60.0, 60.0], [160.0, 120.0]])
    found = torch.tensor([[160.0, 120.0], [260.0, 180.0]])
    figure = side_by_side(grey(240, 320), actual_points=actual, count=2.4, points=found)
    assert figure.axes[3].get_title() == "heads: 2 found (dots), 2 annotated (rings)"
    picture = drawn(figure, tmp_path)
    left, top = 16 + 3 * 656, 52
    for (x, y), in_the_middle, around in (
        ((60, 60), "grey", "red"),
        ((160, 120), "green", "red"),
        ((260, 180), "green", "grey"),
    ):
        middle = picture[top + 2 * y, left + 2 * x]
        near = picture[top + 2 * y - 12 : top + 2 * y + 12, left + 2 * x - 12 : left + 2 * x + 12]
        assert (middle[1] > 200) == (in_the_middle == "green")
        reddest = near[..., 0] - near[..., 1]
        assert (reddest.max() > 150) == (around == "red")


def test_counts_of_parts_are_dots_of_both_numbers():
    actual = torch.tensor([0.0, 4.0, 10.0])
    ways = {"density": torch.tensor([1.0, 4.0, 8.0]), "points": torch.tensor([0.0, 3.0, 5.0])}
    figure = counts_of_parts(ways, actual)
    assert [axes.get_title() for axes in figure.axes] == ["density: MAE 1.00", "points: MAE 2.00"]
    for axes, predicted in zip(figure.axes, ways.values(), strict=True):
        drawn_at = axes.collections[0].get_offsets().tolist()
        assert drawn_at == [list(pair) for pair in zip(predicted, actual.tolist(), strict=True)]
    four = counts_of_parts({str(i): actual for i in range(4)}, actual)
    assert sum(axes.get_visible() for axes in four.axes) == 4


def test_dots_stand_for_a_missing_target(tmp_path):
    figure = side_by_side(grey(240, 320), actual_points=torch.tensor([[160.0, 120.0]]), count=0)
    picture = drawn(figure, tmp_path)
    red, _, blue = picture[52 + 240, 16 + 656 + 320]
    assert blue > 200 > red


def test_maps_are_compared_with_the_points_and_say_their_sums():
    maps = [
        ShownMap(label="fixed", density=torch.full((15, 20), 2 / 300), stride=4),
        ShownMap(label="sharp", density=torch.full((60, 80), 3 / 4800), stride=1),
    ]
    figure = compare_maps(grey(60, 80), maps, points=torch.zeros(2, 2))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["points: 2", "fixed: 2.00 at stride 4", "sharp: 3.00 at stride 1"]


def test_details_stand_in_rows_of_their_own(tmp_path):
    """Single maps and curves in one, a stack in another; the top row of a curve is on top."""
    details = {"blurred": torch.rand(2, 60, 80), "sigma": torch.linspace(0, 1, 60)}
    shown = ShownMap(label="fixed", density=torch.zeros(60, 80), stride=1, details=details)
    figure = compare_maps(grey(60, 80), [shown], points=torch.zeros(0, 2))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[2:] == ["fixed: sigma", "fixed: blurred 1", "fixed: blurred 2"]
    tops = [axes.get_position().y0 for axes in figure.axes]
    assert tops[0] == tops[1] > tops[2] > tops[3] == tops[4]
    picture = drawn(figure, tmp_path)
    curve = picture[52 + 480 + 52 : 52 + 480 + 52 + 480, 16 : 16 + 640]
    dark = np.argwhere((curve[..., 1] < 100) & (curve[..., 0] > 80))
    top, bottom = dark[dark[:, 0] < 100, 1].mean(), dark[dark[:, 0] > 380, 1].mean()
    assert top < 150 < 450 < bottom


def test_maps_of_a_stack_share_their_colours(tmp_path):
    stack = torch.stack([torch.full((60, 80), level) for level in (0.0, 0.5, 1.0)])
    shown = ShownMap(label="a", density=torch.zeros(60, 80), stride=1, details={"b": stack})
    picture = drawn(compare_maps(grey(60, 80), [shown], points=torch.zeros(0, 2)), tmp_path)
    middle = 52 + 480 + 52 + 240
    greens = [int(picture[middle, 16 + 656 * i + 320, 1]) for i in range(3)]
    assert greens[0] < greens[1] - 50 < greens[2] - 100


def test_many_maps_wrap():
    maps = [ShownMap(label=str(i), density=torch.zeros(6, 8), stride=10) for i in range(8)]
    figure = compare_maps(grey(60, 80), maps, points=torch.zeros(0, 2))
    assert len(figure.axes) == 9
    assert len({round(axes.get_position().y0, 3) for axes in figure.axes}) == 2


def test_a_map_that_does_not_fit():
    with pytest.raises(ShapeError, match=r"\(30, 40\) cells at stride 8 .* \(240, 330\) pixels"):
        overlay(grey(240, 330), caption="1", density=torch.zeros(30, 40), stride=8)


def test_pictures_are_png(tmp_path):
    with pytest.raises(UsageError, match=r"picture\.jpg"):
        save(overlay(grey(60, 80), caption="1"), tmp_path / "picture.jpg")
    assert list(tmp_path.iterdir()) == []


def test_no_display_and_no_global_state():
    code = (
        "import sys, torch; from crowdkit_core.visual import overlay;"
        "overlay(torch.zeros(3, 40, 40), caption='0 people');"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"MPLBACKEND": "TkAgg", "PATH": "/usr/bin"},
    )
    assert shown.stdout.strip() == "False"
