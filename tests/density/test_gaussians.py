import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.signal.windows import gaussian as gaussian_window

from crowdkit_core.density import place_gaussians, place_gaussians_batch, sum_pool, tiles
from crowdkit_core.errors import DataError, ShapeError, UsageError

EXACT = {"truncate": 9.0}  # cuts off less than float64 shows


@st.composite
def scenes(draw, max_points=12):
    """Points, widths and a size: borders, corners, duplicates, deltas and giants included."""
    height, width = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    x = st.one_of(st.sampled_from([0.0, width / 2, float(width)]), st.floats(0, width, width=32))
    y = st.one_of(st.sampled_from([0.0, height / 2, float(height)]), st.floats(0, height, width=32))
    sigma = st.one_of(st.sampled_from([0.0, 1e5]), st.floats(0.25, 40, width=32))
    people = draw(st.lists(st.tuples(x, y, sigma), max_size=max_points))
    values = torch.tensor(people, dtype=torch.float32).reshape(-1, 3)
    return values[:, :2], values[:, 2], (height, width)


strides = st.integers(1, 17)


def examples(most):
    return settings(deadline=None, max_examples=most)


@given(scene=scenes(), stride=strides, half=st.booleans(), window=st.sampled_from([None, 1, 15]))
@examples(150)
def test_every_point_contributes_one(scene, stride, half, window):
    points, sigmas, size = scene
    convention = "half" if half else "standard"
    density = place_gaussians(
        points, sigmas, size, stride=stride, convention=convention, window=window
    )
    assert density.shape == (-(-size[0] // stride), -(-size[1] // stride))
    assert density.dtype == torch.float32
    assert (density >= 0).all()
    assert density.sum().item() == pytest.approx(len(points), rel=1e-5)


@given(scene=scenes(), stride=strides)
@examples(60)
def test_equals_scipys_normal_distribution(scene, stride, untruncated):
    points, sigmas, size = scene
    sigmas = sigmas.clamp(0.25, 1e4)
    ours = place_gaussians(points.double(), sigmas.double(), size, stride=stride, **EXACT)
    theirs = untruncated(points.tolist(), sigmas.tolist(), size, stride)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-11)


def test_truncation_moves_little_mass(untruncated):
    points, sigmas = torch.tensor([[50.0, 40.0]], dtype=torch.float64), torch.tensor([6.0])
    theirs = untruncated(points.tolist(), sigmas.tolist(), (80, 100))
    for truncate, moved in ((4.0, 2.6e-4), (5.0, 2.4e-6)):
        ours = place_gaussians(points, sigmas, (80, 100), truncate=truncate).numpy()
        assert np.abs(ours - theirs).sum() < moved


def test_close_to_scipys_sampled_filter():
    dots = np.zeros((120, 140))
    dots[60, 70] = 1
    theirs = gaussian_filter(dots, 9.0, truncate=4.0)
    ours = place_gaussians(torch.tensor([[70.5, 60.5]]), 9.0, (120, 140)).numpy()
    assert np.abs(ours - theirs).max() < 2e-3 * theirs.max()


@pytest.mark.parametrize(("sigma", "window"), [(4.0, 15), (10.0, 49)])
def test_published_windows(sigma, window):
    profile = gaussian_window(window, sigma)
    theirs = np.outer(profile, profile) / profile.sum() ** 2
    ours = place_gaussians(torch.tensor([[40.5, 35.5]]), sigma, (70, 80), window=window).numpy()
    reach = window // 2
    inside = np.s_[35 - reach : 36 + reach, 40 - reach : 41 + reach]
    assert np.abs(ours[inside] - theirs).max() < 0.01 * theirs.max()
    assert ours.sum() == pytest.approx(ours[inside].sum(), rel=1e-6)


def test_half_convention_is_a_narrower_gaussian(untruncated):
    points = torch.tensor([[20.0, 30.0]], dtype=torch.float64)
    ours = place_gaussians(points, 8.0, (60, 50), convention="half", **EXACT)
    np.testing.assert_allclose(ours, untruncated([(20, 30)], [8 / 2**0.5], (60, 50)), atol=1e-11)


@given(scene=scenes(), k=st.integers(1, 9), stride=st.integers(1, 3))
@examples(80)
def test_a_coarser_map_is_the_finer_map_pooled(scene, k, stride):
    points, sigmas, size = scene
    fine = place_gaussians(points, sigmas, size, stride=stride)
    coarse = place_gaussians(points, sigmas, size, stride=stride * k)
    torch.testing.assert_close(sum_pool(fine, k), coarse, rtol=1e-4, atol=2e-6)


@given(scene=scenes(), stride=st.integers(1, 6))
@examples(80)
def test_flips_commute(scene, stride):
    points, sigmas, (height, width) = scene
    size = (height * stride, width * stride)
    points = points.double() * stride
    flipped = torch.stack([size[1] - points[:, 0], points[:, 1]], dim=1)
    density = place_gaussians(points, sigmas, size, stride=stride)
    mirrored = place_gaussians(flipped, sigmas, size, stride=stride)
    torch.testing.assert_close(mirrored, density.flip(1))
    upside_down = torch.stack([points[:, 0], size[0] - points[:, 1]], dim=1)
    mirrored = place_gaussians(upside_down, sigmas, size, stride=stride)
    torch.testing.assert_close(mirrored, density.flip(0))


@given(batch=st.lists(scenes(), max_size=6), stride=strides)
@examples(50)
def test_a_batch_is_its_images(batch, stride):
    together = place_gaussians_batch(*zip(*batch, strict=True), stride=stride) if batch else []
    assert len(together) == len(batch)
    for density, (points, sigmas, size) in zip(together, batch, strict=True):
        torch.testing.assert_close(density, place_gaussians(points, sigmas, size, stride=stride))


def test_no_image_and_no_point():
    assert place_gaussians_batch([], [], []) == []
    assert not place_gaussians(torch.zeros(0, 2), 3.0, (9, 7), stride=2).any()


def test_a_delta_fills_its_own_cell_and_halves_on_an_edge():
    inside = place_gaussians(torch.tensor([[2.25, 1.5]]), 0.0, (3, 4))
    assert inside.nonzero().tolist() == [[1, 2]]
    edge = place_gaussians(torch.tensor([[2.0, 0.0], [4.0, 3.0]]), 0.0, (3, 4))
    assert edge.tolist() == [[0, 0.5, 0.5, 0], [0, 0, 0, 0], [0, 0, 0, 1]]


def test_a_giant_fills_the_frame_evenly():
    density = place_gaussians(torch.tensor([[1.0, 9.0]]), 1e9, (10, 21), stride=4)
    heights, widths = torch.tensor([4.0, 4, 2]) / 10, torch.tensor([4.0, 4, 4, 4, 4, 1]) / 21
    torch.testing.assert_close(density, torch.outer(heights, widths))


def test_points_outside_are_moved_onto_the_border():
    outside = place_gaussians(torch.tensor([[-5.0, 4.0], [3.0, 99.0]]), 2.0, (9, 8))
    border = place_gaussians(torch.tensor([[0.0, 4.0], [3.0, 9.0]]), 2.0, (9, 8))
    assert torch.equal(outside, border)


def test_duplicates_add_up():
    point = torch.tensor([[3.3, 4.4]])
    once = place_gaussians(point, 2.0, (9, 8))
    torch.testing.assert_close(place_gaussians(point.expand(5, 2), 2.0, (9, 8)), 5 * once)


@pytest.mark.parametrize("stride", [1, 8])
def test_many_narrow_gaussians_are_those_of_each_alone(stride):
    generator = torch.Generator().manual_seed(0)
    points = [torch.rand(n, 2, generator=generator).double() * 150 for n in (3000, 0, 700)]
    sigmas = [0.5 + stride * torch.rand(len(xy), generator=generator).double() for xy in points]
    sizes = [(150, 150), (8, 9), (120, 151)]
    together = place_gaussians_batch(points, sigmas, sizes, stride=stride)
    for density, xy, sigma, size in zip(together, points, sigmas, sizes, strict=True):
        parts = zip(xy.split(500), sigma.split(500), strict=True)
        alone = sum(place_gaussians(*part, size, stride=stride) for part in parts)
        torch.testing.assert_close(density, alone, rtol=1e-12, atol=1e-12)


def test_a_panorama_does_not_widen_the_maps_beside_it():
    crowd = torch.rand(3000, 2, generator=torch.manual_seed(0)) * torch.tensor([20_000.0, 40.0])
    points, sizes = [crowd, *[torch.ones(1, 2)] * 200], [(40, 20_000), *[(60, 60)] * 200]
    maps = place_gaussians_batch(points, [2.0] * 201, sizes)
    assert [tuple(each.shape) for each in maps] == sizes
    assert sum(each.double().sum() for each in maps).item() == pytest.approx(3200)


def test_gradients_of_a_crowd():
    points = torch.rand(3000, 2, generator=torch.manual_seed(0)).double() * 150
    sigmas = torch.ones(3000, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(19, 19, generator=torch.manual_seed(1)).double()
    (place_gaussians(points, sigmas, (150, 150), stride=8) * weights).sum().backward()
    one = torch.ones(1, dtype=torch.float64, requires_grad=True)
    (place_gaussians(points[7:8], one, (150, 150), stride=8) * weights).sum().backward()
    torch.testing.assert_close(sigmas.grad[7:8], one.grad)


def test_a_crowd_of_12000_sums_right_in_float32():
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(12_000, 2, generator=generator) * torch.tensor([640.0, 480.0])
    sigmas = 0.5 + 30 * torch.rand(12_000, generator=generator) ** 3
    for stride in (1, 8):
        density = place_gaussians(points, sigmas, (480, 640), stride=stride)
        assert density.double().sum().item() == pytest.approx(12_000, rel=1e-6)


@pytest.mark.slow
def test_a_crowd_of_giants_takes_bounded_memory(monkeypatch):
    points = torch.rand(300, 2, generator=torch.manual_seed(1)) * 600
    whole = place_gaussians(points, 90.0, (600, 600))
    monkeypatch.setattr(tiles, "_PAIRS_AT_ONCE", 64)
    torch.testing.assert_close(place_gaussians(points, 90.0, (600, 600)), whole)


def test_gradients():
    generator = torch.Generator().manual_seed(0)
    points = 2 + 20 * torch.rand(5, 2, dtype=torch.float64, generator=generator)
    sigmas = 0.8 + 6 * torch.rand(5, dtype=torch.float64, generator=generator)
    inputs = (points.requires_grad_(), sigmas.requires_grad_())
    for options in ({}, {"stride": 4}, {"window": 7}, {"convention": "half", "stride": 3}):
        assert torch.autograd.gradcheck(
            lambda p, s, options=options: place_gaussians(p, s, (25, 24), **options), inputs
        )


def test_mixed_precision_does_not_touch_the_map():
    points = torch.rand(200, 2, generator=torch.manual_seed(0)) * 64
    plain = place_gaussians(points, 5.0, (64, 64))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(place_gaussians(points, 5.0, (64, 64)), plain)


@pytest.mark.gpu
def test_cuda_gives_the_cpu_map():
    points = torch.rand(3000, 2, generator=torch.manual_seed(0)) * 500
    sigmas = 1 + 20 * torch.rand(3000, generator=torch.manual_seed(1))
    for stride in (1, 8):
        on_cpu = place_gaussians(points, sigmas, (500, 500), stride=stride)
        on_gpu = place_gaussians(points.cuda(), sigmas.cuda(), (500, 500), stride=stride)
        torch.testing.assert_close(on_gpu.cpu(), on_cpu, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("points", "sigmas", "options", "error", "words"),
    [
        (torch.zeros(3), 1.0, {}, ShapeError, r"points of image 0 are \(3,\)"),
        (torch.zeros(3, 2), torch.ones(2), {}, ShapeError, r"sigmas of image 0 are \(2,\)"),
        (torch.tensor([[1, 1], [1, torch.nan]]), 1.0, {}, DataError, r"point 1 of image 0 is \[1"),
        (torch.tensor([[torch.inf, 1]]), 1.0, {}, DataError, "point 0 of image 0"),
        (torch.zeros(1, 2), -1.0, {}, DataError, "sigma 0 of image 0 is -1"),
        (torch.zeros(2, 2), torch.tensor([1, torch.inf]), {}, DataError, "sigma 1 .* is inf"),
        (torch.zeros(1, 2), torch.nan, {}, DataError, "is nan"),
        (torch.zeros(1, 2), 1.0, {"size": (0, 9)}, UsageError, r"size of image 0 is \(0, 9\)"),
        (torch.zeros(1, 2), 1.0, {"stride": 0}, UsageError, "stride"),
        (torch.zeros(1, 2), 1.0, {"truncate": 0.0}, UsageError, "truncate"),
        (torch.zeros(1, 2), 1.0, {"window": 0}, UsageError, "window"),
    ],
)
def test_bad_input(points, sigmas, options, error, words):
    with pytest.raises(error, match=words):
        place_gaussians(points, sigmas, **{"size": (9, 9), **options})
