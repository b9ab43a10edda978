"""What SFCN's spatial convolution costs beside the plain recurrence over rows and columns.

OMP_NUM_THREADS=1 python -m pytest benchmarks/test_sfcn.py -m "not gpu" -s
python -m pytest benchmarks/test_sfcn.py -m gpu -s
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.tables import table

SIZES = ((384, 512), (768, 1024))
CHANNELS, STRIDE, ROUNDS = 64, 8, 5


def plain(maps: Tensor, conv: nn.Conv2d, dim: int) -> Tensor:
    """The recurrence as it is usually written: one convolution a line, autograd for the rest."""
    padding = (conv.kernel_size[0] // 2, conv.kernel_size[1] // 2)
    lines = [maps.narrow(dim, i, 1) for i in range(maps.shape[dim])]
    for i in range(1, len(lines)):
        message = F.conv2d(lines[i - 1], conv.weight, conv.bias, padding=padding)
        lines[i] = lines[i] + F.relu(message)
    for i in reversed(range(len(lines) - 1)):
        message = F.conv2d(lines[i + 1], conv.weight, conv.bias, padding=padding)
        lines[i] = lines[i] + F.relu(message)
    return torch.cat(lines, dim)


@pytest.mark.slow
def test_spatial_convolution_on_a_processor() -> None:
    report("cpu", process_time, f"CPU, threads: {torch.get_num_threads()}, processor time")


@pytest.mark.gpu
def test_spatial_convolution_on_a_gpu() -> None:
    report("cuda", perf_counter, "CUDA, torch's default precision")


def report(device: str, clock: Callable[[], float], where: str) -> None:
    rows = [
        (f"{height}x{width}", what, *(f"{1000 * value:.1f}" for value in times), f"{ratio:.2f}")
        for height, width in SIZES
        for what, times, ratio in race((height, width), device, clock)
    ]
    header = ("image", "", "plain, ms", "ours, ms", "plain / ours")
    print(f"\nrows and columns, {CHANNELS} channels, stride {STRIDE}; {where}")
    print(table(rows, header))
    assert all(float(row[-1]) > 1 for row in rows if row[1] == "forward and backward")


def race(
    size: tuple[int, int], device: str, clock: Callable[[], float]
) -> list[tuple[str, tuple[float, float], float]]:
    """Median seconds of both ways, in turns so that both see the machine's moods."""
    from crowdkit_sfcn.spatial import SpatialConvolution

    parts = nn.ModuleList(
        [SpatialConvolution(CHANNELS, "rows"), SpatialConvolution(CHANNELS, "columns")]
    ).to(device)
    for part in parts:
        nn.init.normal_(part.conv.weight, std=0.01)
    maps = torch.rand(
        1, CHANNELS, size[0] // STRIDE, size[1] // STRIDE, device=device, requires_grad=True
    )
    ways: dict[str, Callable[[], Tensor]] = {
        "plain": lambda: plain(plain(maps, parts[0].conv, 2), parts[1].conv, 3),
        "ours": lambda: parts[1](parts[0](maps)),
    }
    torch.testing.assert_close(ways["plain"](), ways["ours"](), rtol=1e-3, atol=1e-3)
    results = []
    for what, step in (("forward", forward), ("forward and backward", backward)):
        rounds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS + 1):  # the first warms up
            for name, way in ways.items():
                started = clock()
                step(way)
                if device == "cuda":
                    torch.cuda.synchronize()
                rounds[name].append(clock() - started)
        times = (median(rounds["plain"][1:]), median(rounds["ours"][1:]))
        results.append((what, times, times[0] / times[1]))
    return results


@torch.no_grad()
def forward(way: Callable[[], Tensor]) -> None:
    way()


def backward(way: Callable[[], Tensor]) -> None:
    way().sum().backward()
