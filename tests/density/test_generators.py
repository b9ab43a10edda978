import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.density import Fixed, GaussianGenerator, GeometryAdaptive, place_gaussians
from crowdkit_core.errors import DataError, ShapeError, UsageError
from crowdkit_core.interfaces import Points

LINE = torch.tensor([[10.0, 50], [20, 50], [40, 50], [80, 50], [90, 50]])
# of each point of LINE: distances to its 3 nearest others
NEAREST = [(10, 30, 70), (10, 20, 60), (20, 30, 40), (10, 40, 60), (10, 50, 70)]


def made(name):
    return Fixed() if name == "fixed" else GeometryAdaptive()


def brute_force(points, k):
    """Mean distance to the k nearest others, by looking at all pairs."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    return np.sort(apart, axis=1)[:, :k].mean(1)


@pytest.mark.parametrize("name", ["fixed", "geometry-adaptive"])
@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    stride=st.integers(1, 9),
)
@settings(deadline=None, max_examples=40)
def test_maps_of_a_batch_sum_to_the_points(name, counts, height, width, stride):
    generator = torch.Generator().manual_seed(sum(counts))
    frame = torch.tensor([width, height])
    points = [torch.rand(n, 2, generator=generator) * frame for n in counts]
    density = made(name)(points, (height, width), stride=stride)
    assert density.shape == (len(counts), 1, -(-height // stride), -(-width // stride))
    torch.testing.assert_close(
        density.sum((1, 2, 3)), torch.tensor(counts).float(), rtol=1e-5, atol=0
    )


def test_fixed_is_place_gaussians_with_one_width():
    density = Fixed(sigma=6.0, convention="half", truncate=3.0)([LINE], (100, 100), stride=4)
    expected = place_gaussians(LINE, 6.0, (100, 100), stride=4, convention="half", truncate=3.0)
    assert torch.equal(density[0, 0], expected)


def test_fixed_measures_nothing_so_that_a_resize_leaves_its_width():
    assert Fixed().measure(LINE, (100, 100)) == {}


def test_adaptive_width_by_hand():
    sigmas = GeometryAdaptive().sigmas(LINE, (100, 100))
    assert sigmas.tolist() == pytest.approx([0.1 * sum(distances) for distances in NEAREST])


@given(n=st.integers(6, 60), k=st.integers(1, 5), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_adaptive_width_against_all_pairs(n, k, seed):
    points = torch.rand(n, 2, generator=torch.manual_seed(seed), dtype=torch.float64) * 500
    points[1] = points[0]  # a duplicate counts as a neighbour at distance 0
    sigmas = GeometryAdaptive(k=k, beta=1.0, min_sigma=0.0).sigmas(points, (500, 500))
    np.testing.assert_allclose(sigmas.numpy(), brute_force(points.numpy(), k), rtol=1e-9)


def test_images_of_different_sizes_together_are_the_same_images_alone():
    generator = torch.Generator().manual_seed(0)
    sizes = [(90, 70), (33, 50), (64, 64), (10, 20), (128, 40)]
    counts = [40, 0, 3, 1, 200]
    points = [
        torch.rand(n, 2, generator=generator) * torch.tensor([w, h])
        for n, (h, w) in zip(counts, sizes, strict=True)
    ]
    adaptive = GeometryAdaptive()
    for density, xy, size in zip(
        adaptive.maps(points, sizes, stride=8), points, sizes, strict=True
    ):
        torch.testing.assert_close(density, adaptive([xy], size, stride=8)[0, 0])


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_change_nothing(threads):
    generator = torch.Generator().manual_seed(0)
    points = [100 * torch.rand(n, 2, generator=generator) for n in (40, 0, 3, 1, 200)]
    before = torch.get_num_threads()
    found = []
    try:
        for number in (1, threads):
            torch.set_num_threads(number)
            found.append(torch.cat(GeometryAdaptive().sigmas_of_images(points, [(99, 99)] * 5)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


def test_measured_widths_are_used_instead_of_the_crops_own():
    adaptive = GeometryAdaptive()
    sigma = adaptive.measure(LINE, (100, 100))["sigma"]
    crop = adaptive([LINE[:1]], (100, 60), sigmas=[sigma[:1]])
    assert torch.equal(crop[0, 0], place_gaussians(LINE[:1], sigma[:1], (100, 60)))
    assert not torch.equal(crop, adaptive([LINE[:1]], (100, 60)))


@pytest.mark.parametrize(
    ("options", "points", "expected"),
    [
        ({}, LINE[:1], [(80 + 120) / 8]),
        ({}, LINE[:2], [3.0, 3.0]),
        ({}, LINE[:3], [0.3 * 20, 0.3 * 15, 0.3 * 25]),
        ({"few_points": "image-size"}, LINE[:1], [0.3 * 80 / 8]),
        ({"few_points": "image-size"}, LINE[:4], [0.3 * 80 / 8] * 4),
        ({"few_points": "image-size"}, LINE, [0.1 * sum(distances) for distances in NEAREST]),
        ({"min_sigma": 4.0, "max_sigma": 10.0}, LINE[:1], [10.0]),
        ({"min_sigma": 4.0, "max_sigma": 10.0}, LINE[:2], [4.0, 4.0]),
        ({"k": 4, "beta": 0.1}, LINE, [0.1 * d for d in (47.5, 40, 35, 45, 52.5)]),
    ],
)
def test_rules_for_few_points(options, points, expected):
    sigmas = GeometryAdaptive(**options).sigmas(points, (80, 120))
    assert sigmas.tolist() == pytest.approx(expected)


def test_the_image_sets_a_distance_of_at_most_100():
    sigmas = GeometryAdaptive(few_points="image-size").sigmas(LINE[:2], (2000, 3000))
    assert sigmas.tolist() == pytest.approx([30.0, 30.0])


def test_duplicates_are_all_kept_and_get_the_least_width():
    points = torch.tensor([[5.0, 5.0]]).expand(6, 2)
    assert GeometryAdaptive().sigmas(points, (20, 20)).tolist() == [0.5] * 6
    assert GeometryAdaptive()([points], (20, 20)).sum().item() == pytest.approx(6)


def test_widths_and_maps_follow_the_points():
    points = (30 * torch.rand(5, 2, dtype=torch.float64, generator=torch.manual_seed(3))) + 5
    adaptive = GeometryAdaptive()
    assert torch.autograd.gradcheck(
        lambda p: adaptive([p], (40, 40), stride=4), points.requires_grad_()
    )


def test_duplicates_have_finite_gradients():
    points = torch.tensor([[5.0, 5], [5, 5], [9, 9], [2, 9], [7, 1]], requires_grad=True)
    GeometryAdaptive()([points], (12, 12))[0, 0, 3, 3].backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_annotation_points_are_taken_as_they_are():
    points = Points(LINE, canvas_size=(100, 100))
    for generator in (Fixed(), GeometryAdaptive()):
        density = generator([points], (100, 100))
        assert type(density) is torch.Tensor
        assert torch.equal(density, generator([LINE], (100, 100)))


def test_a_subclass_only_says_how_wide():
    class ByRow(GaussianGenerator):
        def sigmas(self, points, size):
            return 1 + points[:, 1] / size[0]

    density = ByRow()([LINE, LINE[:0]], (100, 100), stride=2)
    assert torch.equal(density[0, 0], place_gaussians(LINE, 1.5, (100, 100), stride=2))
    assert not density[1].any()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Fixed(sigma=-1.0), UsageError, "sigma -1"),
        (lambda: Fixed(sigma=math.nan), UsageError, "sigma nan"),
        (lambda: GeometryAdaptive(k=0), UsageError, "k 0"),
        (lambda: GeometryAdaptive(beta=0.0), UsageError, "beta 0"),
        (lambda: GeometryAdaptive(min_sigma=3.0, max_sigma=2.0), UsageError, "from 3.0 to 2.0"),
        (lambda: GeometryAdaptive().sigmas(torch.zeros(2, 3), (9, 9)), ShapeError, r"\(2, 3\)"),
        (lambda: GeometryAdaptive().sigmas(LINE * math.nan, (9, 9)), DataError, "point 0"),
    ],
)
def test_bad_input(make, error, words):
    with pytest.raises(error, match=words):
        make()
