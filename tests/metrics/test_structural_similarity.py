import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate1d
from scipy.signal.windows import gaussian
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.metrics import ssim_map


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def zero_padded(x, y, *, window=11, sigma=1.5, dilation=1, data_range=1.0):
    """The index as printed, from scipy's zero-padded local means in float64."""
    x, y = x.double().numpy()[0, 0], y.double().numpy()[0, 0]
    taps = np.zeros(dilation * (window - 1) + 1)
    taps[::dilation] = gaussian(window, sigma) / gaussian(window, sigma).sum()

    def mean(values):
        rows = correlate1d(values, taps, axis=0, mode="constant")
        return correlate1d(rows, taps, axis=1, mode="constant")

    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    return (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))


@pytest.mark.parametrize("data_range", [1.0, 255.0])
def test_inside_it_is_that_of_torchmetrics(data_range) -> None:
    x, y = data_range * maps(2, 1, 32, 40), data_range * maps(2, 1, 32, 40, seed=1)
    _, expected = structural_similarity_index_measure(
        x, y, sigma=1.5, data_range=data_range, return_full_image=True
    )
    inside = (..., slice(5, -5), slice(5, -5))
    found = ssim_map(x, y, data_range=data_range)
    torch.testing.assert_close(found[inside], expected[inside], rtol=1e-4, atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(
    size=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    window=st.sampled_from([1, 3, 5, 11]),
    dilation=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_beyond_the_border_a_map_is_zero(size, window, dilation, seed) -> None:
    x, y = maps(1, 1, *size, seed=seed).double(), maps(1, 1, *size, seed=seed + 1).double()
    options = {"window": window, "sigma": 1.0, "dilation": dilation, "data_range": 2.0}
    found = ssim_map(x, y, **options)
    np.testing.assert_allclose(found[0, 0].numpy(), zero_padded(x, y, **options), atol=1e-9)


@pytest.mark.parametrize("level", [1.0, 1e2, 1e4])
def test_large_flat_maps_keep_their_precision(level) -> None:
    noise = maps(1, 1, 48, 48) - 0.5
    x, y = level + 0.1 * noise, level + 0.1 * noise.flip(-1)
    expected = zero_padded(x, y)
    found = ssim_map(x, y)
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-3)
    torch.testing.assert_close(ssim_map(x, x), torch.ones_like(x))


@settings(deadline=None, max_examples=30)
@given(exponent=st.floats(-6, 6), seed=st.integers(0, 99))
def test_range_and_symmetry(exponent, seed) -> None:
    x = 10**exponent * maps(1, 1, 20, 20, seed=seed)
    y = 10**exponent * maps(1, 1, 20, 20, seed=seed + 1) ** 3
    found = ssim_map(x, y)
    assert found.abs().max().item() <= 1 + 1e-5
    torch.testing.assert_close(found, ssim_map(y, x))
    torch.testing.assert_close(ssim_map(x, x), torch.ones_like(x))


def test_a_batch_is_its_images() -> None:
    x, y = maps(3, 1, 16, 16), 100 * maps(3, 1, 16, 16, seed=1)
    singles = [ssim_map(x[i : i + 1], y[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(ssim_map(x, y), torch.cat(singles))


def test_gradients() -> None:
    x, y = maps(1, 1, 6, 7).double().requires_grad_(), maps(1, 1, 6, 7, seed=1).double()
    y.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: ssim_map(a, b, window=5), (x, y))


def test_equal_and_empty_maps_have_no_slope() -> None:
    for values in (maps(1, 1, 12, 12), torch.zeros(1, 1, 12, 12)):
        x = values.clone().requires_grad_()
        ssim_map(x, values).sum().backward()
        assert x.grad is not None
        torch.testing.assert_close(x.grad, torch.zeros_like(x), rtol=0, atol=1e-3)


def test_mixed_precision_is_left_out() -> None:
    x, y = maps(1, 1, 16, 16), maps(1, 1, 16, 16, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = ssim_map(x, y)
        assert ssim_map(x.bfloat16(), y).dtype == torch.float32
    torch.testing.assert_close(within, ssim_map(x, y), rtol=0, atol=0)


def test_bad_input_is_named() -> None:
    with pytest.raises(ShapeError, match=r"\(1, 1, 4, 4\) and \(1, 1, 4, 5\)"):
        ssim_map(maps(1, 1, 4, 4), maps(1, 1, 4, 5))
    with pytest.raises(UsageError, match="4 taps"):
        ssim_map(maps(1, 1, 4, 4), maps(1, 1, 4, 4), window=4)
