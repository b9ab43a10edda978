"""Which values are black and white."""

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crowdkit_core.data import read_image
from crowdkit_core.data.files.stacks import decided_range
from crowdkit_core.data.files.value_ranges import range_of
from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import ValueRange

GREY = np.random.default_rng(0).integers(500, 1500, (100, 100)).astype(np.uint16)


@pytest.mark.parametrize(
    ("low", "high"), [(5.0, 5.0), (9.0, 1.0), (float("nan"), 1.0), (0.0, float("inf"))]
)
def test_a_range_has_a_lower_and_a_higher_bound(low, high):
    with pytest.raises(UsageError, match="expected two finite numbers, the lower one first"):
        ValueRange(low, high)


@given(st.lists(st.integers(0, 65535), min_size=2), st.integers(0, 30000), st.integers(1, 30000))
def test_brighter_values_are_never_shown_darker(values, low, width):
    shown = ValueRange(float(low), float(low + width)).shown(np.array(sorted(values), np.uint16))
    assert (np.diff(shown.astype(int)) >= 0).all()
    assert ((shown == 255) | (np.array(sorted(values)) < low + width)).all()
    assert ((shown == 0) | (np.array(sorted(values)) > low)).all()


def test_hot_pixels_hardly_move_a_range():
    hot = GREY.copy()
    hot[3, :5] = 65535
    plain, moved = range_of([GREY]), range_of([hot])
    assert moved.low == plain.low
    assert plain.high <= moved.high <= 1500


def test_rare_light_on_even_ground_is_seen():
    dark = np.full((100, 100), 100, dtype=np.uint16)
    dark[50, 50:54] = 900
    assert range_of([dark]) == ValueRange(100.0, 900.0)


def test_files_decide_one_range_together(tmp_path):
    """A dark and a bright image keep their difference, which ranges of their own would undo."""
    tifffile.imwrite(tmp_path / "dark.tif", GREY)
    tifffile.imwrite(tmp_path / "bright.tif", GREY * 4)
    Image.fromarray(GREY.astype(np.uint8)).save(tmp_path / "plain.png")
    (tmp_path / "damaged.tif").write_bytes(b"II*\0" + bytes(20))
    decided = decided_range(sorted(tmp_path.iterdir()))
    assert decided.frames == 2
    both = np.concatenate([GREY.ravel(), 4 * GREY.ravel()])
    assert 0 <= np.mean(both < decided.values.low) <= 0.001
    assert 0 < np.mean(both > decided.values.high) <= 0.001
    dark, bright = (
        read_image(tmp_path / name, value_range=decided.values).float().mean()
        for name in ("dark.tif", "bright.tif")
    )
    assert bright > 3 * dark


def test_files_of_8_bits_decide_nothing(tmp_path):
    Image.fromarray(GREY.astype(np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "never-opened.jpg").write_bytes(b"no picture")
    assert decided_range(tmp_path.iterdir()) is None


def test_a_range_leaves_8_bits_alone(tmp_path):
    pixels = GREY.astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    image = read_image(tmp_path / "a.tif", value_range=ValueRange(100.0, 110.0))
    assert np.array_equal(image[0].numpy(), pixels)
