"""How long target maps take, against the ways in use.

OMP_NUM_THREADS=2 python -m pytest benchmarks/test_density.py -m "" -s

The ShanghaiTech A annotations under CROWDKIT_DATA_ROOT, or random crowds of their sizes and
numbers without them. Both rivals are given the widths; ours finds them too, unless a line says
otherwise: training measures them once per image.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from time import perf_counter, process_time

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from crowdkit_core.data.datasets.shanghaitech import ShanghaiTech
from crowdkit_core.density import GeometryAdaptive, sum_pool
from crowdkit_core.interfaces import Size

DATA = Path(__file__).parents[2] / "shared" / "data"
FILTERED_POINTS = 100  # that SciPy's script is timed on; its time is proportional to their number
ROUNDS = 5


@dataclass(frozen=True)
class Crowds:
    """Annotations of many images, in memory."""

    source: str
    points: list[Tensor]
    sizes: list[Size]
    sigmas: list[Tensor]

    @property
    def count(self) -> int:
        return sum(len(xy) for xy in self.points)


@pytest.fixture(scope="module")
def crowds() -> Crowds:
    root = Path(os.environ.get("CROWDKIT_DATA_ROOT", DATA)) / "ShanghaiTech"
    source, points, sizes = real_crowds(root) if root.is_dir() else random_crowds()
    return Crowds(source, points, sizes, GeometryAdaptive().sigmas_of_images(points, sizes))


def real_crowds(root: Path) -> tuple[str, list[Tensor], list[Size]]:
    dataset = ShanghaiTech(root=root, split="train", validation_every=0)
    annotations = [dataset.annotation(i) for i in range(len(dataset))]
    points = [each.points.as_subclass(Tensor) for each in annotations]
    return "ShanghaiTech A, train", points, [each.size for each in annotations]


def random_crowds() -> tuple[str, list[Tensor], list[Size]]:
    generator = np.random.default_rng(0)
    sizes = [(int(h), int(w)) for h, w in generator.integers((400, 600), (769, 1025), (300, 2))]
    counts = generator.lognormal(6.0, 0.8, 300).astype(int).clip(33, 3138)
    points = [
        torch.from_numpy(generator.uniform(0, (w, h), (n, 2))).float()
        for n, (h, w) in zip(counts, sizes, strict=True)
    ]
    return "random crowds", points, sizes


def windowed_splat(points: Tensor, sigmas: Tensor, size: Size) -> NDArray[np.float64]:
    """Each point's sampled Gaussian, normalised in its window of 4 sigma: NumPy, point by point."""
    height, width = size
    density = np.zeros(size)
    for (x, y), sigma in zip(points.tolist(), sigmas.tolist(), strict=True):
        column, row, reach = min(int(x), width - 1), min(int(y), height - 1), int(4 * sigma + 0.5)
        columns = np.arange(max(column - reach, 0), min(column + reach + 1, width))
        rows = np.arange(max(row - reach, 0), min(row + reach + 1, height))
        across = np.exp(-((columns - column) ** 2) / (2 * sigma**2))
        down = np.exp(-((rows - row) ** 2) / (2 * sigma**2))
        window = density[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        window += np.outer(down / down.sum(), across / across.sum())
    return density


def filtered_dots(points: Tensor, sigmas: Tensor, size: Size) -> NDArray[np.float64]:
    """The usual script: a whole image filtered by SciPy for every point."""
    density = np.zeros(size)
    for (x, y), sigma in zip(points.tolist(), sigmas.tolist(), strict=True):
        dot = np.zeros(size)
        dot[min(int(y), size[0] - 1), min(int(x), size[1] - 1)] = 1
        density += gaussian_filter(dot, sigma, mode="reflect")
    return density


def seconds(work: Callable[[], object], rounds: int = 1) -> tuple[float, float]:
    """Least wall time, and least time of all processors, of a few rounds."""
    walls, busy = [], []
    for _ in range(rounds):
        wall, processors = perf_counter(), process_time()
        work()
        walls.append(perf_counter() - wall)
        busy.append(process_time() - processors)
    return min(walls), min(busy)


@pytest.mark.parametrize("stride", [8, 1])
def test_our_maps(benchmark, crowds, stride):
    generator = GeometryAdaptive()
    maps = benchmark.pedantic(
        generator.maps,
        (crowds.points, crowds.sizes),
        {"stride": stride},
        rounds=ROUNDS,
        warmup_rounds=1,
    )
    wrong = max(
        abs(density.double().sum().item() / max(1, len(xy)) - 1)
        for density, xy in zip(maps, crowds.points, strict=True)
        if len(xy)
    )
    assert wrong < 1e-5


def test_ratios(crowds):
    ours, given = (
        {
            stride: seconds(
                lambda stride=stride, sigmas=sigmas: GeometryAdaptive().maps(
                    crowds.points, crowds.sizes, stride=stride, sigmas=sigmas
                ),
                ROUNDS,
            )
            for stride in (8, 1)
        }
        for sigmas in (None, crowds.sigmas)
    )
    images = list(zip(crowds.points, crowds.sigmas, crowds.sizes, strict=True))
    splat = seconds(lambda: [windowed_splat(*image) for image in images])
    pooled = seconds(
        lambda: [sum_pool(torch.from_numpy(windowed_splat(*image)), 8) for image in images]
    )
    few = [(xy[:1], sigma[:1], size) for xy, sigma, size in images[:FILTERED_POINTS]]
    on_average = fmean(len(xy) for xy in crowds.points) * len(images) / len(few)
    filtered = [t * on_average for t in seconds(lambda: [filtered_dots(*image) for image in few])]

    print(f"\n{len(images)} images, {crowds.count} points: {crowds.source}")
    print(f"{torch.get_num_threads()} threads; seconds (of all processors), and ratio to ours")
    for name, stride, (wall, busy) in [
        ("crowdkit, stride 8", 8, ours[8]),
        ("crowdkit, widths given", 8, given[8]),
        ("NumPy windows, then pooled by 8", 8, pooled),
        ("crowdkit, stride 1", 1, ours[1]),
        ("crowdkit, widths given", 1, given[1]),
        ("NumPy windows", 1, splat),
        (f"SciPy filter, from {len(few)} points", 1, filtered),
    ]:
        print(f"{name:32} {wall:9.3f} ({busy:9.3f})  {wall / ours[stride][0]:8.1f}")
    assert ours[8][1] < pooled[1]
    assert ours[1][1] < splat[1]
