"""How long found points take to be matched with heads and ranked, and how much memory.

OMP_NUM_THREADS=1 python -m pytest benchmarks/test_matching.py -m "" -s

Crowds as dense as 12,000 heads in an image of 2900 x 2000. A good localizer misses a tenth of the
heads, invents as many points, and is 3 pixels off in x and in y; of a poor one all is chance. The
rival is SciPy's dense assignment with the same costs: the same matching, every pair looked at.
"""

import tracemalloc
from collections.abc import Callable
from functools import partial
from time import process_time

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from crowdkit_core.interfaces import LocalizedPoints
from crowdkit_core.metrics import average_precision, match_points
from crowdkit_core.tables import table

DENSITY = 12_000 / (2900 * 2000)
RADII = (4.0, 8.0, 20.0, 47.1)  # the last is where the affinity of sigma 40 falls to a half
SIGMAS = (40, 20, 5)
LOCALIZERS = ("good", "poor")
FEW, MANY = 3_000, 12_000
NOISE = 400_000  # about the peaks of a map of noise of 2900 x 2000
MIB = 2**20


def crowd(people: int, localizer: str) -> tuple[Tensor, Tensor]:
    """Found points and heads."""
    side = (people / DENSITY) ** 0.5
    heads, chance = anywhere(people, side, seed=0), anywhere(people, side, seed=1)
    if localizer == "poor":
        return chance, heads
    kept = heads[people // 10 :]
    near = kept + 3 * torch.randn(kept.shape, generator=torch.Generator().manual_seed(2))
    return torch.cat([near, chance[: people // 10]]), heads


def anywhere(number: int, side: float, *, seed: int) -> Tensor:
    return torch.rand(number, 2, generator=torch.Generator().manual_seed(seed)) * side


def dense_matching(found: Tensor, heads: Tensor, radius: float) -> tuple[int, float]:
    """Number and summed distance of the pairs of the dense assignment."""
    distance = torch.cdist(found.double(), heads.double()).numpy()
    cost = np.where(distance <= radius, distance / radius, len(heads) + 1)
    chosen = distance[linear_sum_assignment(cost)]
    return int((chosen <= radius).sum()), float(chosen[chosen <= radius].sum())


def seconds(work: Callable[[], object]) -> float:
    """Of the processor, least of three."""
    times = []
    for _ in range(3):
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times)


def peak_memory(work: Callable[[], object]) -> float:
    """MiB that Python and NumPy took at most."""
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / MIB


def test_ratio_to_the_dense_assignment() -> None:
    rows = []
    for localizer in LOCALIZERS:
        found, heads = crowd(FEW, localizer)
        for radius in RADII:
            ours = match_points(found, heads, radius=radius)
            pairs, distance = dense_matching(found, heads, radius)
            assert len(ours) == pairs
            assert ours.distance.sum().item() == pytest.approx(distance)
            sparse = seconds(partial(match_points, found, heads, radius=radius))
            dense = seconds(partial(dense_matching, found, heads, radius))
            assert sparse < dense
            times = [f"{sparse:.3f}", f"{dense:.3f}", f"{dense / sparse:.1f}"]
            rows.append([localizer, f"{radius:g}", str(pairs), *times])
    header = ["localizer", "radius", "pairs", "crowdkit, s", "dense, s", "times as long"]
    print(f"\n{FEW} points, {FEW} heads\n{table(rows, header)}")


def test_twelve_thousand_take_seconds() -> None:
    rows = []
    for localizer in LOCALIZERS:
        found, heads = crowd(MANY, localizer)
        ranked = LocalizedPoints(found, torch.linspace(1, 0, len(found)))
        for radius in RADII:
            work = partial(match_points, found, heads, radius=radius)
            rows.append(measured(localizer, f"matched within {radius:g} px", work))
        for sigma in SIGMAS:
            for nearest in ("strict", "unmatched"):
                work = partial(average_precision, [ranked], [heads], sigma=sigma, nearest=nearest)
                rows.append(measured(localizer, f"AP, sigma {sigma}, {nearest} nearest", work))
    noise = anywhere(NOISE, (MANY / DENSITY) ** 0.5, seed=3)
    work = partial(match_points, noise, heads[:800], radius=20.0)
    rows.append(measured("noise", f"{NOISE} points, 800 heads, within 20 px", work))
    print(f"\n{MANY} points, {MANY} heads\n{table(rows, ['localizer', 'what', 'seconds', 'MiB'])}")
    print(f"one matrix of all pairs, for comparison: {8 * MANY**2 / MIB:.0f} MiB")


def measured(localizer: str, what: str, work: Callable[[], object]) -> list[str]:
    taken, peak = seconds(work), peak_memory(work)
    assert taken < 60
    assert peak < 8 * MANY**2 / MIB / 4
    return [localizer, what, f"{taken:.2f}", f"{peak:.0f}"]
