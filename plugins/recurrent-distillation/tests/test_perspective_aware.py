"""Widths from how dense rows are: against SciPy, by hand, and by what must not change them."""

from collections.abc import Callable
from math import inf, sqrt

import numpy as np
import pytest
import torch
from crowdkit_recurrent_distillation.perspective_aware import (
    PerspectiveAware,
    effective_density,
    widths_by_density,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.data.transforms import crop, flip
from crowdkit_core.density import Fixed, place_gaussians
from crowdkit_core.errors import DataError, OptionsError, ShapeError, UsageError
from crowdkit_core.interfaces import Annotation, Dataset, DensityGenerator, Points, Sample, Size
from crowdkit_core.testing import check_density_generator, parametrize_with_checks, strategies

SIZE = (300, 400)
FAR_AND_NEAR = torch.cat(
    [
        torch.rand(80, 2, generator=torch.manual_seed(0)) * torch.tensor([200.0, 20.0])
        + torch.tensor([100.0, 110.0]),
        torch.rand(5, 2, generator=torch.manual_seed(1)) * torch.tensor([200.0, 20.0])
        + torch.tensor([100.0, 180.0]),
    ]
)
"""A dense crowd on rows 110 to 130, a loose one on rows 180 to 200; nobody near the border."""


class Crowds(Dataset):
    """Annotations given as points and sizes; no pixels."""

    def __init__(self, *images: tuple[Tensor, Size]) -> None:
        self.split = "train"
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def annotation(self, index: int) -> Annotation:
        points, size = self.images[index]
        return Annotation(name=str(index), size=size, points=points)

    def __getitem__(self, index: int) -> Sample:
        points, size = self.images[index]
        points = Points(points, canvas_size=size)
        return Sample(name=str(index), image=torch.zeros(3, *size), points=points)


def preset(**options: object) -> DensityGenerator:
    generator: DensityGenerator = create(
        "density_generator", "perspective-aware", preset="shanghaitech-a", **options
    )
    return generator


@parametrize_with_checks(
    [
        preset(),
        preset(clamp=False, sigma_max=10.0),
        preset(threshold=1e-4),
        create("density_generator", "perspective-aware", preset="reference"),
    ]
)
def test_conformance(component: DensityGenerator, check: Callable[..., None]) -> None:
    check(component)


def test_conformance_of_a_fitted_generator() -> None:
    generator = PerspectiveAware()
    generator.fit(Crowds((FAR_AND_NEAR, SIZE)))
    check_density_generator(generator)


# The line


@given(
    ends=st.lists(st.floats(1e-5, 1.0), min_size=2, max_size=2, unique=True).map(sorted),
    widths=st.lists(st.floats(0.1, 50.0), min_size=2, max_size=2).map(sorted),
)
@settings(deadline=None, max_examples=50)
def test_the_densest_row_has_the_least_width_and_the_sparsest_the_greatest(
    ends: list[float], widths: list[float]
) -> None:
    d_min, d_max = ends
    if d_max < 1.01 * d_min:
        return
    line = widths_by_density(torch.tensor(ends, dtype=torch.float64), *ends, *widths)
    assert line.tolist() == pytest.approx([widths[1], widths[0]], rel=1e-9)


def test_alpha_and_beta_of_the_authors_script() -> None:
    """Slope and intercept in 1 / D, printed in it as 0.0022152 and 2.27848."""
    ends = PerspectiveAware(preset="reference").ends.tolist()
    densities = torch.tensor([1e-3, 1 / 2000], dtype=torch.float64)
    one, two = widths_by_density(densities, *ends, 2.5, 20.0).tolist()
    slope = (two - one) / 1000
    assert slope == pytest.approx(0.0022152, rel=1e-4)
    assert one - 1000 * slope == pytest.approx(2.27848, rel=1e-5)


def test_equal_widths_are_a_fixed_gaussian() -> None:
    generator = preset(sigma_min=4.0, sigma_max=4.0, clamp=False)
    density = generator([FAR_AND_NEAR], SIZE, stride=4)
    assert torch.equal(density, Fixed(sigma=4.0)([FAR_AND_NEAR], SIZE, stride=4))


# The effective density


def test_effective_density_by_hand() -> None:
    prior = torch.tensor([[1.0, 2.0, 3.0, 6.0], [0.0, 0.0, 0.0, 8.0], [0.0, 0.0, 0.0, 0.0]])
    assert effective_density(prior).tolist() == [6.0, 8.0, 0.0]  # 3 is the mean, not above it
    assert effective_density(prior, 1.0).tolist() == pytest.approx([11 / 3, 8.0, 0.0])
    assert effective_density(prior, 7.0).tolist() == [3.0, 8.0, 0.0]  # none above: the mean


def scipy_prior(points: NDArray[np.float64], size: Size, sigma: float) -> NDArray[np.float64]:
    """The authors' recipe: a dot in each point's pixel, filtered."""
    dots = np.zeros(size)
    np.add.at(dots, (points[:, 1].astype(int), points[:, 0].astype(int)), 1)
    filtered: NDArray[np.float64] = gaussian_filter(dots, sigma, mode="reflect")
    return filtered


def scipy_densities(prior: NDArray[np.float64], rows: NDArray[np.int64]) -> list[float]:
    return [prior[row][prior[row] > prior[row].mean()].mean() for row in rows]


def test_prior_and_row_densities_against_scipy() -> None:
    points = FAR_AND_NEAR.floor() + 0.5  # a pixel's centre, where SciPy's dot is
    details = preset().details(points, SIZE)
    prior = scipy_prior(points.numpy(), SIZE, 25.0)
    np.testing.assert_allclose(details["prior"].numpy(), prior, atol=2e-3 * prior.max())
    rows = np.arange(60, 250)
    found = details["effective density"][rows].numpy()
    np.testing.assert_allclose(found, scipy_densities(prior, rows), rtol=5e-3)


def test_widths_against_scipy_and_the_printed_line() -> None:
    points = FAR_AND_NEAR.floor() + 0.5
    densities = scipy_densities(scipy_prior(points.numpy(), SIZE, 25.0), points[:, 1].int().numpy())
    expected = 0.0022152 / np.array(densities) + 2.27848
    found = PerspectiveAware(preset="reference").sigmas(points, SIZE)
    np.testing.assert_allclose(found.numpy(), expected, rtol=5e-3)


def test_denser_rows_are_narrower() -> None:
    sigmas = preset().sigmas(FAR_AND_NEAR, SIZE)
    assert sigmas[:80].max() < sigmas[80:].min()


def test_one_row_one_width() -> None:
    points = FAR_AND_NEAR.clone()
    points[:6, 1] = torch.tensor([110.0, 110.2, 110.5, 110.8, 110.9, 110.99])
    sigmas = preset().sigmas(points, SIZE)
    assert sigmas[:6].unique().numel() == 1
    curve = preset().details(points, SIZE)["sigma"]
    assert torch.equal(curve[points[:, 1].long()], sigmas)


def test_a_row_nobody_is_near() -> None:
    lone = torch.tensor([[50.0, 50.0]])
    assert preset().details(lone, SIZE)["sigma"][299] == 25.0
    assert preset(clamp=False).details(lone, SIZE)["sigma"][299] == inf


@pytest.mark.parametrize("number", [0, 1])
def test_nobody_and_one_person(number: int) -> None:
    points = torch.tensor([[400.0, 300.0]])[:number]  # the far corner: its row is the last
    sigmas = preset().sigmas(points, SIZE)
    assert sigmas.shape == (number,)
    assert ((sigmas > 2.5) & (sigmas < 25)).all()
    assert preset()([points], SIZE).sum().item() == pytest.approx(number)


def test_clamping() -> None:
    dense = torch.full((400, 2), 50.0)
    lone = torch.tensor([[150.0, 150.0]])
    options = {"d_min": 1e-3, "d_max": 2e-3, "sigma_min": 4.0, "sigma_max": 8.0}
    limited = [PerspectiveAware(**options).sigmas(xy, SIZE)[0].item() for xy in (dense, lone)]
    assert limited == [4.0, 8.0]
    free = [
        PerspectiveAware(**options, clamp=False).sigmas(xy, SIZE)[0].item() for xy in (dense, lone)
    ]
    assert 0 <= free[0] < 4.0
    assert free[1] > 8.0


# What must not change the widths, or must change them in a known way


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_maps_sum_to_the_points(data: st.DataObject) -> None:
    size = data.draw(strategies.sizes(max_side=60))
    points = data.draw(strategies.points(size=size))
    stride = data.draw(st.integers(1, 9))
    density = preset(clamp=data.draw(st.booleans()))([points], size, stride=stride)
    assert density.double().sum().item() == pytest.approx(len(points), rel=1e-5)


def sample() -> Sample:
    points = Points(FAR_AND_NEAR, canvas_size=SIZE)
    lengths = preset().measure(points, SIZE)
    return Sample(name="", image=torch.zeros(3, *SIZE), points=points, lengths=lengths)


def test_mirroring_an_image_leaves_its_widths() -> None:
    mirrored = flip(sample())
    again = preset().measure(mirrored.points, SIZE)["sigma"]
    torch.testing.assert_close(again, sample().lengths["sigma"], rtol=1e-5, atol=0)


def test_a_crop_keeps_the_widths_of_the_whole_image() -> None:
    loose = crop(sample(), 170, 90, (60, 220))
    sigmas = loose.lengths["sigma"]
    torch.testing.assert_close(sigmas, sample().lengths["sigma"][80:])
    density = preset()([loose.points], loose.size, sigmas=[sigmas])
    expected = place_gaussians(loose.points.as_subclass(Tensor), sigmas, loose.size)
    assert torch.equal(density[0, 0], expected)
    assert not torch.allclose(preset().sigmas(loose.points, loose.size), sigmas, rtol=0.1)


# Fitting


def lone(x: float, y: float) -> Tensor:
    return torch.tensor([[x, y]], dtype=torch.float32)


def test_fit_finds_the_sparsest_and_the_densest_row_that_hold_a_point() -> None:
    """The peak row of one Gaussian of 25 pixels, and of thirty at one place."""
    thirty = lone(200, 150).expand(30, 2)
    generator = PerspectiveAware()
    generator.fit(
        Crowds((lone(200, 150), SIZE), (torch.zeros(0, 2), SIZE), (thirty, SIZE), (thirty, SIZE))
    )
    x = np.arange(400) + 0.5 - 200
    row = np.exp(-(x**2) / (2 * 25**2)) * (abs(x) < 100)
    peak = row[row > row.mean()].mean() / (2 * np.pi * 25**2)
    assert generator.ends.tolist() == pytest.approx([peak, 30 * peak], rel=2e-3)
    assert generator.sigmas(thirty, SIZE)[0].item() == pytest.approx(2.5, rel=1e-4)
    assert generator.sigmas(lone(200, 150), SIZE).item() == pytest.approx(25.0, rel=1e-4)


def test_fit_leaves_what_options_say() -> None:
    crowds = Crowds((FAR_AND_NEAR, SIZE))
    fitted, half = PerspectiveAware(), PerspectiveAware(d_max=0.5)
    given_both = preset()
    for generator in (fitted, half, given_both):
        generator.fit(crowds)
    assert half.ends.tolist() == [fitted.ends[0].item(), 0.5]
    assert given_both.ends.tolist() == pytest.approx([1.25e-4, 1e-2])


def test_what_was_fitted_is_saved() -> None:
    fitted, fresh = PerspectiveAware(), PerspectiveAware()
    fitted.fit(Crowds((FAR_AND_NEAR, SIZE)))
    fresh.load_state_dict(fitted.state_dict())
    assert torch.equal(fresh.sigmas(FAR_AND_NEAR, SIZE), fitted.sigmas(FAR_AND_NEAR, SIZE))


@pytest.mark.parametrize(
    "crowds", [Crowds(), Crowds((lone(9, 9), SIZE)), Crowds((FAR_AND_NEAR[:0], SIZE))]
)
def test_too_little_to_fit(crowds: Crowds) -> None:
    with pytest.raises(DataError, match=r"PerspectiveAware.*no d_min < d_max"):
        PerspectiveAware().fit(crowds)


def test_widths_before_fitting_are_an_error() -> None:
    with pytest.raises(UsageError, match="does not know") as caught:
        PerspectiveAware()([FAR_AND_NEAR], SIZE)
    assert "fit(dataset)" in caught.value.hint


# Options


@pytest.mark.parametrize(
    ("options", "ends", "sigma_max", "clamp"),
    [
        ({"preset": "shanghaitech-a"}, [1.25e-4, 1e-2], 25, True),
        ({"preset": "reference"}, [1.25e-4, 1e-2], 20, False),
        ({"preset": "reference", "sigma_max": 5.0, "clamp": True}, [1.25e-4, 1e-2], 5, True),
        ({"preset": "shanghaitech-a", "d_min": 1e-3}, [1e-3, 1e-2], 25, True),
    ],
)
def test_presets(
    options: dict[str, object], ends: list[float], sigma_max: int, clamp: bool
) -> None:
    generator = PerspectiveAware(**options)
    assert generator.ends.tolist() == pytest.approx(ends)
    assert (generator.rule.sigma_min, generator.rule.sigma_max) == (2.5, sigma_max)
    assert generator.rule.clamp is clamp


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sigma_min": -1.0}, "sigma_min -1"),
        ({"sigma_max": 2.0}, "sigma_max 2.0"),
        ({"sigma_max": inf}, "sigma_max inf"),
        ({"d_min": 0.0}, "d_min 0.0"),
        ({"d_min": 0.2, "d_max": 0.1}, "0 < d_min < d_max"),
        ({"d_min": 0.2, "d_max": 0.2}, "0 < d_min < d_max"),
        ({"d_max": inf}, "d_max inf"),
        ({"threshold": -1.0}, "threshold is -1"),
        ({"prior_sigma": 0.0}, "prior_sigma is 0"),
    ],
)
def test_bad_options(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionsError, match=words):
        PerspectiveAware(**options)


def test_bad_input() -> None:
    with pytest.raises(ShapeError):
        preset().sigmas(torch.zeros(2, 3), SIZE)
    with pytest.raises(DataError, match="finite"):
        preset().sigmas(torch.tensor([[1.0, sqrt(2)], [inf, 0.0]]), SIZE)
