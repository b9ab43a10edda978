"""The two-step width: against all pairs, by hand, and by what must not change it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from crowdkit_counting_with_focus.non_uniform import NonUniform, window_means
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.density import place_gaussians
from crowdkit_core.errors import DataError, OptionsError, ShapeError
from crowdkit_core.interfaces import DensityGenerator, Size
from crowdkit_core.testing import parametrize_with_checks, strategies

SIZE = (320, 640)


@parametrize_with_checks(
    [create("density_generator", "non-uniform"), create("density_generator", "non-uniform", k=2)]
)
def test_conformance(component: DensityGenerator, check: Callable[..., None]) -> None:
    check(component)


def all_pairs(points: NDArray[np.float64], size: Size) -> NDArray[np.float64]:
    """The published two steps, written out over all pairs."""
    first = 0.3 * np.sort(cdist(points, points), axis=1)[:, :5].mean(1)
    apart_x, apart_y = (cdist(each, each, "cityblock") for each in np.split(points, 2, axis=1))
    near = (apart_x < size[1] / 16) & (apart_y < size[0] / 16)
    means: NDArray[np.float64] = np.array([first[row].mean() for row in near])
    return means


@given(n=st.integers(5, 200), seed=st.integers(0, 999), grid=st.booleans())
@settings(deadline=None, max_examples=40)
def test_widths_against_all_pairs(n: int, seed: int, grid: bool) -> None:
    frame = torch.tensor([SIZE[1], SIZE[0]])
    points = torch.rand(n, 2, generator=torch.manual_seed(seed), dtype=torch.float64) * frame
    if grid:  # many points exactly at the border of each other's windows, and many in one place
        points = (points / 20).floor() * 20
    found = NonUniform(min_sigma=0.0).sigmas(points, SIZE)
    np.testing.assert_allclose(found.numpy(), all_pairs(points.numpy(), SIZE), rtol=1e-9, atol=1e-9)


def test_widths_by_hand() -> None:
    """Six in a line 10 apart, each sees those closer than 40; a lone one far off."""
    points = torch.tensor([[100.0 + 10 * i, 100.0] for i in range(6)] + [[600.0, 300.0]])
    sums = [100.0, 70.0, 60.0, 60.0, 70.0, 100.0]  # of the distances to the four nearest
    lone = sum(np.hypot(600 - x, 200) for x in (150, 140, 130, 120))
    s = [0.3 * each / 5 for each in sums]
    expected = [
        np.mean(s[:4]),
        np.mean(s[:5]),
        np.mean(s),
        np.mean(s),
        np.mean(s[1:]),
        np.mean(s[2:]),
    ]
    found = NonUniform().sigmas(points, SIZE)
    assert found.tolist() == pytest.approx([*expected, 0.3 * lone / 5])


def test_a_gap_in_a_crowd_is_as_narrow_as_the_crowd() -> None:
    """What the second step is for: one step alone gives its lone point the widest Gaussian."""
    crowd = torch.cartesian_prod(torch.arange(0.0, 60.0, 4), torch.arange(0.0, 60.0, 4)) + 100
    crowd = crowd[(crowd - 130).abs().amax(1) > 15]
    points = torch.cat([crowd, torch.tensor([[130.0, 130.0]])])
    both = NonUniform().sigmas(points, (640, 640))
    alone = create("density_generator", "geometry-adaptive").sigmas(points, (640, 640))
    assert alone[-1] > 3 * alone[:-1].mean()
    assert both[-1] < 1.3 * both[:-1].mean()


def test_the_window_is_a_share_of_the_images_sides() -> None:
    points = torch.tensor([[100.0, 100.0], [119.0, 100.0], [100.0, 119.0]])
    values = torch.tensor([1.0, 2.0, 4.0])
    assert window_means(values, points, (20.0, 10.0)).tolist() == [2.5, 2.0, 2.5]
    assert window_means(values, points, (10.0, 20.0)).tolist() == [1.5, 1.5, 4.0]
    assert window_means(values, points, (19.0, 19.0)).tolist() == [1.0, 2.0, 4.0]  # strictly


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (torch.zeros(0, 2), []),
        (torch.tensor([[30.0, 30.0]]), [(320 + 640) / 8]),
        (torch.tensor([[100.0, 100.0], [110.0, 100.0]]), [0.24 * 10] * 2),
        (torch.tensor([[100.0, 100.0], [110.0, 100.0], [120.0, 100.0]]), [0.24 * 40 / 3] * 3),
    ],
)
def test_few_points(points: Tensor, expected: list[float]) -> None:
    assert NonUniform().sigmas(points, SIZE).tolist() == pytest.approx(expected)


def test_duplicates_are_all_kept_and_get_the_least_width() -> None:
    points = torch.tensor([[5.0, 5.0]]).expand(6, 2)
    assert NonUniform().sigmas(points, (20, 20)).tolist() == [0.5] * 6
    assert NonUniform()([points], (20, 20)).sum().item() == pytest.approx(6)


def test_thousands_of_points_in_one_window() -> None:
    """12,000 people within each other's windows: compared in parts, with the same result."""
    points = torch.rand(12_000, 2, generator=torch.manual_seed(0)) * 50
    sigmas = NonUniform(min_sigma=0.0).sigmas(points, (2000, 3000))
    one_step = create("density_generator", "geometry-adaptive", k=4, beta=0.24, min_sigma=0.0)
    mean = one_step.sigmas(points, (2000, 3000)).double().mean().item()
    assert sigmas.tolist() == pytest.approx([mean] * 12_000, rel=1e-4)


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_maps_sum_to_the_points(data: st.DataObject) -> None:
    size = data.draw(strategies.sizes(max_side=60))
    points = data.draw(strategies.points(size=size))
    density = NonUniform()([points], size, stride=data.draw(st.integers(1, 9)))
    assert density.double().sum().item() == pytest.approx(len(points), rel=1e-5)


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=10)
def test_turning_the_image_turns_the_widths(seed: int) -> None:
    points = torch.rand(40, 2, generator=torch.manual_seed(seed), dtype=torch.float64)
    points *= torch.tensor([SIZE[1], SIZE[0]])
    turned = torch.stack([SIZE[0] - points[:, 1], points[:, 0]], dim=1)
    torch.testing.assert_close(
        NonUniform().sigmas(turned, (SIZE[1], SIZE[0])), NonUniform().sigmas(points, SIZE)
    )


def test_measured_widths_are_used_instead_of_the_crops_own() -> None:
    points = torch.rand(50, 2, generator=torch.manual_seed(0)) * 100
    sigma = NonUniform().measure(points, SIZE)["sigma"]
    cropped = NonUniform()([points[:3]], (100, 100), sigmas=[sigma[:3]])
    expected = place_gaussians(points[:3], sigma[:3], (100, 100), truncate=5.0)
    assert torch.equal(cropped[0, 0], expected)
    assert not torch.equal(cropped, NonUniform()([points[:3]], (100, 100)))


def test_widths_and_maps_follow_the_points() -> None:
    points = 30 * torch.rand(7, 2, dtype=torch.float64, generator=torch.manual_seed(3)) + 5
    assert torch.autograd.gradcheck(
        lambda p: NonUniform(reach=0.5)([p], (40, 40), stride=4), points.requires_grad_()
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 1}, "k is 1"),
        ({"beta": 0.0}, "beta is 0"),
        ({"reach": float("inf")}, "reach is inf"),
        ({"min_sigma": -1.0}, "min_sigma is -1"),
    ],
)
def test_bad_options(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionsError, match=words):
        NonUniform(**options)


def test_bad_input() -> None:
    with pytest.raises(ShapeError):
        NonUniform().sigmas(torch.zeros(2, 3), SIZE)
    with pytest.raises(DataError, match="point 0"):
        NonUniform().sigmas(torch.full((2, 2), float("nan")), SIZE)
