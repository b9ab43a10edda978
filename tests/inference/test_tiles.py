"""Tiles change memory, not numbers."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.inference import auto_tile, plan_tiles, predict_tiles
from crowdkit_core.inference import tiles as tiles_module
from crowdkit_core.interfaces import LocalizedPoints, Localizer

TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}
promise = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def random_image(height, width):
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)


@torch.no_grad()
def both(counter, image, plan):
    return predict_tiles(counter, image, plan), counter(image[None] / 255)


@promise
@given(
    name=st.sampled_from(["PoolingCounter", "DilatedCounter"]),
    height=st.integers(7, 90),
    width=st.integers(5, 90),
    tile=st.integers(1, 100),
)
def test_tiled_equals_whole(make_counter, name, height, width, tile):
    counter, image = make_counter(name), random_image(height, width)
    plan = plan_tiles(counter, (height, width), tile=max(tile, max(height, width) // 6))
    tiled, whole = both(counter, image, plan)
    assert plan.exact
    torch.testing.assert_close(tiled.density, whole.density, **TOLERANCE)
    torch.testing.assert_close(tiled.count, whole.count, rtol=1e-4, atol=0)
    assert tiled.stride == whole.stride
    assert tiled.maps.keys() == whole.maps.keys()
    for key, values in whole.maps.items():
        torch.testing.assert_close(tiled.maps[key], values, **TOLERANCE)


class StrideReader(Localizer):
    """A point for the strongest cell of the first map of its kind, as the map's stride says."""

    needs = ("attention",)

    def forward(self, prediction, size):
        name = next(n for n, spec in prediction.outputs.items() if spec.kind == "attention")
        strengths = prediction.maps[name][0].sum(0)
        row, column = divmod(int(strengths.argmax()), strengths.shape[1])
        xy = (torch.tensor([[column, row]]) + 0.5) * prediction.outputs[name].stride
        return [LocalizedPoints(xy, torch.ones(1))]


def test_a_localizer_that_reads_what_maps_mean_works_on_tiles(make_counter):
    counter, image = make_counter("PoolingCounter"), random_image(60, 44)
    counter.direct_count = True
    tiled, whole = both(counter, image, plan_tiles(counter, (60, 44), tile=16))
    assert tiled.outputs == whole.outputs == counter.outputs
    assert tiled.direct_count is whole.direct_count is True
    on_tiles, on_whole = (StrideReader()(each, (60, 44))[0].xy for each in (tiled, whole))
    assert torch.equal(on_tiles, on_whole)


def test_a_halo_below_the_receptive_field_is_not_exact(make_counter):
    """The agreement above is earned by the halo."""
    counter, image = make_counter("PoolingCounter"), random_image(64, 64)
    plan = plan_tiles(counter, (64, 64), tile=16, halo=0)
    tiled, whole = both(counter, image, plan)
    assert not plan.exact
    assert (tiled.density - whole.density).abs().max() > 1e-3


@promise
@given(
    size=st.tuples(st.integers(7, 3000), st.integers(5, 3000)),
    tile=st.integers(60, 4000),
    halo=st.integers(0, 200),
)
def test_cores_partition_the_image_on_the_counters_grid(make_counter, size, tile, halo):
    counter = make_counter("PoolingCounter")
    plan = plan_tiles(counter, size, tile=tile, halo=halo)
    for length, spans, least in zip(size, (plan.rows, plan.columns), counter.min_size, strict=True):
        edges = [0] + [span.core_stop for span in spans]
        assert edges[:-1] == [span.core_start for span in spans]
        assert edges[-1] == length
        for span in spans:
            assert 0 < span.core_stop - span.core_start < tile + 4
            assert 0 <= span.start <= span.core_start < span.core_stop <= span.stop <= length
            assert span.start % 4 == 0
            assert span.stop % 4 == 0 or span.stop == length
            assert span.start <= max(span.core_start - halo, 0)
            assert span.stop >= min(span.core_stop + halo, length)
            assert span.stop - span.start >= least


def test_the_network_sees_one_window_at_a_time(make_counter):
    counter, image = make_counter("PoolingCounter"), random_image(200, 120)
    plan = plan_tiles(counter, (200, 120), tile=32)
    predict_tiles(counter, image, plan)
    assert len(counter.seen) == len(plan) == 7 * 4
    assert max(max(window) for window in counter.seen) <= 32 + 2 * 12


def test_one_tile_is_exact_whatever_the_halo(make_counter):
    assert plan_tiles(make_counter("PoolingCounter"), (50, 60), tile=64, halo=0).exact


def test_a_counter_without_receptive_field_needs_a_halo(make_counter):
    counter = make_counter("PoolingCounter")
    counter.receptive_field = None
    with pytest.raises(IncompatibleError, match="'PoolingCounter' looks at the whole image"):
        plan_tiles(counter, (100, 100), tile=32)
    assert not plan_tiles(counter, (100, 100), tile=32, halo=64).exact


def test_a_pure_count_cannot_be_tiled(make_counter):
    with pytest.raises(IncompatibleError, match="'PureCounter' gives no density map"):
        plan_tiles(make_counter("PureCounter"), (100, 100), tile=32)


@pytest.mark.parametrize(("tile", "halo"), [(0, None), (-5, None), (32, -1)])
def test_impossible_sides(make_counter, tile, halo):
    with pytest.raises(UsageError, match=f"tile {tile}, halo {halo}"):
        plan_tiles(make_counter("PoolingCounter"), (100, 100), tile=tile, halo=halo)


def test_auto_tiles_only_what_is_large_and_stays_exact(make_counter, monkeypatch):
    large, small = (5000, 4000), (2048, 2048)
    counter = make_counter("PoolingCounter")
    assert auto_tile(counter, small) is None
    side = auto_tile(counter, large)
    plan = plan_tiles(counter, large, tile=side)
    assert plan.exact
    assert max(span.stop - span.start for span in (*plan.rows, *plan.columns)) <= 2048 + 8
    assert auto_tile(make_counter("PureCounter"), large) is None
    counter.receptive_field = None
    assert auto_tile(counter, large) is None


def test_auto_keeps_a_counters_own_procedure(make_counter, monkeypatch):
    monkeypatch.setattr(tiles_module, "AUTO_PIXELS", 100)
    counter = make_counter("DilatedCounter")
    assert auto_tile(counter, (50, 50)) is not None
    monkeypatch.setattr(type(counter), "predict", lambda self, images: self(images))
    assert auto_tile(counter, (50, 50)) is None


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["PoolingCounter", "DilatedCounter"])
def test_tiled_equals_whole_on_a_gpu(make_counter, name, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    counter, image = make_counter(name).cuda(), random_image(301, 203)
    plan = plan_tiles(counter, (301, 203), tile=64)
    with torch.no_grad():
        tiled = predict_tiles(counter, image, plan, device="cuda")
        whole = counter(image.cuda()[None] / 255)
    assert tiled.density.device.type == "cpu"
    torch.testing.assert_close(tiled.density, whole.density.cpu(), **TOLERANCE)
