"""Each step without torch gives what the step of crowdkit does."""

import math

import numpy as np
import pytest
import torch
from crowdkit_onnx.heads import head_distance
from crowdkit_onnx.interval import Calibration
from crowdkit_onnx.metadata import Network
from crowdkit_onnx.peaks import PeakOptions, find_peaks, local_maxima
from crowdkit_onnx.resampling import resample
from crowdkit_onnx.resizing import resize
from crowdkit_onnx.sizing import Sizing
from crowdkit_onnx.tiles import spans
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crowdkit_core import create
from crowdkit_core.density import resample_density
from crowdkit_core.inference import Calibration as CoreCalibration
from crowdkit_core.inference import Sizing as CoreSizing
from crowdkit_core.inference.known import Known
from crowdkit_core.inference.resized import resize_pixels
from crowdkit_core.inference.scale import head_distance as core_head_distance
from crowdkit_core.inference.tiles import plan_tiles
from crowdkit_core.interfaces import Prediction
from crowdkit_core.localization.peaks import find_peaks as core_find_peaks
from crowdkit_core.testing.toys import ToyCounter

sides = st.integers(1, 60)
sizes = st.tuples(sides, sides)
seeds = st.integers(0, 2**32 - 1)
maps = arrays(
    np.float32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)
)


def noise(size, seed):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def assert_same_pixels(size, new, seed):
    pixels = noise(size, seed)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    expected = resize_pixels(tensor, new).permute(1, 2, 0).numpy()
    # Without AVX torch computes in floats, and crowdkit rounds or keeps them.
    exact = "AVX" in torch.backends.cpu.get_cpu_capability()
    if expected.dtype != np.uint8:
        expected = (255 * expected).round()
    difference = np.abs(resize(pixels, new).astype(float) - expected).max()
    assert difference <= (0 if exact else 1)


@given(size=sizes, new=sizes, seed=seeds)
def test_pixels_are_those_of_torch(size, new, seed):
    assume(new != (1, 1))  # which torch computes by another kernel
    assert_same_pixels(size, new, seed)


@pytest.mark.parametrize(
    ("size", "new"),
    [((1200, 1600), (768, 1024)), ((300, 401), (766, 1024)), ((999, 40), (333, 99))],
)
def test_pixels_of_photos_are_those_of_torch(size, new):
    assert_same_pixels(size, new, 0)


@given(
    values=maps, radius=st.integers(1, 4), refine=st.booleans(), threshold=st.sampled_from([0, 1.5])
)
def test_peaks_and_plateaus(values, radius, refine, threshold):
    xy, height = find_peaks(values, radius=radius, threshold=threshold, refine=refine)
    expected_xy, expected_height = core_find_peaks(
        torch.from_numpy(values), radius=radius, threshold=threshold, refine=refine
    )
    assert sorted(xy.tolist()) == sorted(expected_xy.tolist())
    assert height.tolist() == expected_height.tolist()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"smoothing": 6.0},
        {"min_distance": 17.0, "refine": True},
        {"threshold": 0.4, "match_count": True},
        {"threshold": 0.02, "threshold_kind": "absolute"},
    ],
)
def test_points_by_options(options):
    density = np.random.default_rng(1).random((23, 31), np.float32) / 20
    xy, score = local_maxima(density, 8, (180, 241), 9.4, PeakOptions(**options))
    prediction = Prediction(
        count=torch.tensor([9.4]), density=torch.from_numpy(density)[None, None], stride=8
    )
    (expected,) = create("localizer", "local-maxima", **options)(prediction, (180, 241))
    assert 0 < len(xy) == len(expected.xy)
    np.testing.assert_allclose(xy, expected.xy, rtol=1e-6)
    np.testing.assert_allclose(score, expected.score, rtol=1e-5)


@given(size=sizes, shown=sizes, stride=st.integers(1, 9), seed=seeds)
def test_maps_in_another_size(size, shown, stride, seed):
    cells = [math.ceil(side / stride) for side in shown]
    density = np.random.default_rng(seed).random(cells, np.float32)
    found = resample(density, shown, size, stride)
    expected = resample_density(
        torch.from_numpy(density)[None, None], size, stride=stride, of=(shown, stride)
    )
    np.testing.assert_allclose(found, expected[0, 0], rtol=1e-5, atol=1e-6)
    assert found.sum() == pytest.approx(density.sum(), rel=1e-5)


@given(size=sizes, stride=st.sampled_from([1, 2, 4, 8, 16]), seed=seeds)
def test_distance_of_heads(size, stride, seed):
    density = np.random.default_rng(seed).random(size, np.float32) ** 4 - 0.05
    found = head_distance(density, stride)
    expected = core_head_distance(
        Prediction.from_density(torch.from_numpy(density)[None, None], stride)
    )
    assert (found is None) == (expected is None)
    if expected is not None:
        # Cells of nearly one density may change places in the order by rounding.
        assert found == pytest.approx(expected, rel=1e-4)


counts = st.lists(
    st.tuples(st.floats(-5, 3000), st.integers(0, 3000).map(float)), min_size=1, max_size=90
)


@given(counts=counts, count=st.floats(-10, 4000), level=st.floats(0.05, 0.99))
def test_intervals(counts, count, level):
    predicted, actual = zip(*counts, strict=True)
    found = Calibration(predicted, actual).interval(count, level)
    expected = CoreCalibration(predicted=predicted, actual=actual).interval(count, level)
    if expected is None:
        assert found is None
    else:
        assert (found.low, found.high, found.level) == (expected.low, expected.high, expected.level)
        assert str(found) == str(expected)


long_sides = st.tuples(st.integers(1, 500), st.integers(500, 2000))
distances = st.tuples(st.floats(2, 20), st.floats(20, 90))


@given(
    long_side=long_sides,
    distance=st.none() | distances,
    size=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    seen=st.none() | st.floats(0.5, 100),
)
def test_sizes_and_what_is_said_of_them(long_side, distance, size, seen):
    core = CoreSizing.trained_on(long_side, distance)
    own = Sizing.of(Known(sizing=core).as_table()["sizing"])
    shown = core.first(size)
    assert own.first(size) == shown
    assert own.second(shown, seen) == core.second(shown, seen)
    assert own.notes(size, shown, seen) == core.notes(size, shown, seen)
    larger = core.second(shown, seen) or shown
    assert own.notes(size, larger, seen) == core.notes(size, larger, seen)


@given(size=st.tuples(st.integers(8, 900), st.integers(8, 900)), side=st.integers(1, 300))
def test_tiles_are_those_of_crowdkit(size, side):
    class Toy(ToyCounter):
        min_size = (8, 12)

    counter = Toy()
    counter.outputs = {"density": counter.outputs["density"]}
    network = Network(
        stride=4, size_multiple=4, receptive_field=6, min_size=(8, 12), direct_count=False
    )
    plan = plan_tiles(counter, size, tile=side)
    for length, least, expected in zip(size, (8, 12), (plan.rows, plan.columns), strict=True):
        found = [tuple(span) for span in spans(length, network, side, least)]
        assert found == [(s.core_start, s.core_stop, s.start, s.stop) for s in expected]
