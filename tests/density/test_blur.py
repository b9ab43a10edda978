import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from crowdkit_core.density import gaussian_blur_dots
from crowdkit_core.errors import ShapeError, UsageError


def test_equals_scipy_away_from_borders():
    dots = torch.zeros(2, 1, 60, 70, dtype=torch.float64)
    dots[0, 0, 30, 35] = 1
    dots[1, 0, 25, 40] = 2
    ours = gaussian_blur_dots(dots, 3.0).numpy()
    theirs = gaussian_filter(dots.numpy(), (0, 0, 3.0, 3.0), mode="constant", truncate=4.0)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    sigma=st.floats(0.3, 60),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=40)
def test_nobody_is_lost(height, width, sigma, seed):
    dots = torch.rand(2, 1, height, width, generator=torch.manual_seed(seed))
    blurred = gaussian_blur_dots(dots, sigma)
    assert blurred.shape == dots.shape
    torch.testing.assert_close(blurred.sum((1, 2, 3)), dots.sum((1, 2, 3)), rtol=1e-5, atol=0)


def test_gradient_reaches_the_dots():
    dots = torch.rand(1, 1, 6, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda d: gaussian_blur_dots(d, 1.5), dots)


@pytest.mark.parametrize(
    ("dots", "options", "error", "words"),
    [
        (torch.zeros(1, 3, 8, 8), {"sigma": 1.0}, ShapeError, r"\(1, 3, 8, 8\)"),
        (torch.zeros(1, 1, 8, 8).long(), {"sigma": 1.0}, ShapeError, "int64"),
        (torch.zeros(1, 1, 8, 8), {"sigma": 0.0}, UsageError, "sigma of a blur is 0.0"),
        (torch.zeros(1, 1, 8, 8), {"sigma": 1.0, "truncate": -1.0}, UsageError, "truncate"),
    ],
)
def test_bad_input(dots, options, error, words):
    with pytest.raises(error, match=words):
        gaussian_blur_dots(dots, **options)
