"""The spatial convolution against the recurrence written as a loop."""

from typing import Literal

import pytest
import torch
from crowdkit_sfcn.spatial import SpatialConvolution
from torch import Tensor, nn
from torch.nn import functional as F

LINES: list[Literal["rows", "columns"]] = ["rows", "columns"]


def recurrence(maps: Tensor, conv: nn.Conv2d, dim: int) -> Tensor:
    """Down then up over rows (``dim`` 2), or right then left over columns (``dim`` 3)."""
    padding = (conv.kernel_size[0] // 2, conv.kernel_size[1] // 2)
    lines = list(maps.split(1, dim))
    for i in range(1, len(lines)):
        message = F.relu(F.conv2d(lines[i - 1], conv.weight, conv.bias, padding=padding))
        lines[i] = lines[i] + message
    for i in reversed(range(len(lines) - 1)):
        message = F.relu(F.conv2d(lines[i + 1], conv.weight, conv.bias, padding=padding))
        lines[i] = lines[i] + message
    return torch.cat(lines, dim)


def convolution(lines: Literal["rows", "columns"], kernel_size: int = 9) -> SpatialConvolution:
    torch.manual_seed(0)
    return SpatialConvolution(5, lines, kernel_size=kernel_size).double()


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("kernel_size", [1, 3, 9])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (7, 1), (6, 11)])
def test_values_and_gradients_are_those_of_the_loop(
    lines: Literal["rows", "columns"], kernel_size: int, size: tuple[int, int]
) -> None:
    fast = convolution(lines, kernel_size)
    random = torch.Generator().manual_seed(1)
    maps = torch.randn(2, 5, *size, generator=random, dtype=torch.double, requires_grad=True)
    weights = torch.randn(2, 5, *size, generator=random, dtype=torch.double)
    results, gradients = [], []
    for result in (fast(maps), recurrence(maps, fast.conv, 2 if lines == "rows" else 3)):
        inputs = (maps, fast.conv.weight, fast.conv.bias)
        given = torch.autograd.grad((result * weights).sum(), inputs, allow_unused=True)
        zeros = [torch.zeros_like(each) for each in inputs]
        gradients.append([z if g is None else g for g, z in zip(given, zeros, strict=True)])
        results.append(result)
    torch.testing.assert_close(*results)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("lines", LINES)
def test_gradients_against_finite_differences(lines: Literal["rows", "columns"]) -> None:
    fast = convolution(lines, 3)
    maps = torch.randn(1, 5, 3, 4, generator=torch.Generator().manual_seed(2)).double()
    torch.autograd.gradcheck(fast, (maps.requires_grad_(),))


def test_a_sweep_leaves_its_input_alone() -> None:
    fast = convolution("rows")
    maps = torch.randn(1, 5, 4, 4, dtype=torch.double)
    before = maps.clone()
    fast(maps)
    assert torch.equal(maps, before)


def test_half_precision_stays_half_and_gives_the_weights_full_gradients() -> None:
    torch.manual_seed(0)
    fast = SpatialConvolution(4, "rows", kernel_size=3)
    maps = torch.randn(1, 4, 5, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = fast(maps.bfloat16())
    assert result.dtype == torch.bfloat16
    torch.testing.assert_close(result.float(), fast(maps), rtol=0.05, atol=0.05)
    result.float().sum().backward()
    assert fast.conv.weight.grad is not None
    assert fast.conv.weight.grad.dtype == torch.float32


def test_every_cell_hears_every_other() -> None:
    """A message travels the whole way along lines, and at most half a kernel aside at each step."""
    fast = convolution("rows", 3)
    nn.init.constant_(fast.conv.weight, 0.1)
    maps = torch.ones(1, 5, 6, 12, dtype=torch.double, requires_grad=True)
    (gradient,) = torch.autograd.grad(fast(maps)[0, :, 5, 0].sum(), maps)
    reach = [int(row.count_nonzero()) for row in gradient[0, 0]]
    assert reach == [6, 5, 4, 3, 2, 1]
