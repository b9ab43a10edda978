"""What the transport losses cost beside the step of the network they train.

OMP_NUM_THREADS=1 python -m pytest benchmarks/test_transport.py -m "not gpu" -s

A step is forward and backward of VGG-19 on one crop, without the optimizer; a loss is the same of
the loss alone, on the map that the network gives. Times are CPU seconds, medians of a few rounds.
Each peak is that of a process of its own, less that of one which only makes the parts.
"""

import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from itertools import product
from resource import RUSAGE_SELF, getrusage
from statistics import median

import ot
import pytest
import torch
from crowdkit_dm_count.sinkhorn import GaussianKernel, sinkhorn
from torch import Tensor

import crowdkit_core
from crowdkit_core.interfaces import Counter, Loss, Prediction, Target

CROPS = {"dm-count": 256, "generalized": 512}
"""Sides of the papers' crops."""

CROWDS = (1, 100, 1000, 5000)
MIB = 2**20
ROUNDS = 3


def parts(name: str, device: str = "cpu") -> tuple[Counter, Loss, Tensor]:
    torch.manual_seed(0)
    side = CROPS[name]
    counter = crowdkit_core.create("counter", "vgg19", initialization="normal").to(device)
    torch.nn.init.constant_(counter.output_layer.bias, 0.1)  # so that no cell is empty
    return counter, crowdkit_core.create("loss", name), torch.rand(1, 3, side, side, device=device)


def crowd(number: int, side: int, device: str = "cpu") -> Target:
    points = torch.rand(number, 2, generator=torch.Generator().manual_seed(number)) * side
    generator = crowdkit_core.create("density_generator", "fixed")
    return Target([points.to(device)], (side, side), generator)


def network_step(counter: Counter, images: Tensor) -> Prediction:
    prediction = counter(images)
    prediction.density.square().sum().backward()
    return prediction


def loss_step(loss: Loss, prediction: Prediction, target: Target) -> None:
    leaf = prediction.density.detach().requires_grad_()
    loss(Prediction.from_density(leaf, 8), target).total.backward()


def seconds(work: Callable[[], object], device: str = "cpu") -> float:
    """Median; on a GPU until it is done."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    taken = []
    for _ in range(ROUNDS + 1):
        start = clock()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        taken.append(clock() - start)
    return median(taken[1:])


def report_times(name: str, device: str) -> None:
    counter, loss, images = parts(name, device)
    prediction = network_step(counter, images)
    network = seconds(lambda: network_step(counter, images), device)
    print(f"\n{name}, crop of {CROPS[name]}: step of the network {network * 1e3:.0f} ms")
    for number in CROWDS:
        target = crowd(number, CROPS[name], device)
        taken = seconds(lambda target=target: loss_step(loss, prediction, target), device)
        print(f"  {number:5} people: {taken * 1e3:8.1f} ms, {taken / network:6.3f} of the step")


@pytest.mark.slow
@pytest.mark.parametrize("name", CROPS)
def test_time_beside_the_network(name: str) -> None:
    report_times(name, "cpu")


@pytest.mark.gpu
@pytest.mark.parametrize("name", CROPS)
def test_time_beside_the_network_on_a_gpu(name: str) -> None:
    report_times(name, "cuda")


@pytest.mark.slow
def test_two_factors_against_the_whole_kernel() -> None:
    """100 steps of the same scalings: POT's, on the points x cells matrix."""
    print()
    for number, side in product((100, 1000, 5000), CROPS.values()):
        points, cells = crowd(number, side).points[0], side // 8
        mass, share = torch.full((number,), 1 / number), torch.full((cells, cells), cells**-2.0)
        centres = (torch.arange(cells) + 0.5) * 8.0
        grid = torch.cartesian_prod(centres, centres).flip(1)

        def by_factors(points=points, mass=mass, share=share, cells=cells):
            kernel = GaussianKernel.between(points, (cells, cells), cell=8.0, regularization=300.0)
            return sinkhorn(kernel, mass, share, iterations=100, tolerance=0.0)

        def by_pot(points=points, mass=mass, share=share, grid=grid):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it has not converged
                cost = torch.cdist(points, grid).square()
                options = {"numItermax": 100, "stopThr": 0.0}
                return ot.sinkhorn(mass, share.flatten(), cost, 300.0, **options)

        ours, theirs = seconds(by_factors), seconds(by_pot)
        print(
            f"{number:5} people, {cells} x {cells} cells: {ours * 1e3:7.1f} ms, POT "
            f"{theirs * 1e3:7.1f} ms, {theirs / ours:5.1f} times as long"
        )


def run_once(name: str, number: str) -> None:
    """One step of the network: by the loss where there are people, by a sum of squares else."""
    counter, loss, images = parts(name)
    if number == "parts":
        return
    if number == "network":
        network_step(counter, images)
    else:
        loss(counter(images), crowd(int(number), CROPS[name])).total.backward()


def peak(name: str, number: str) -> float:
    """MiB of a process of its own."""
    command = [sys.executable, __file__, name, number]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", CROPS)
def test_memory_beside_the_network(name: str) -> None:
    nothing = peak(name, "parts")
    network = peak(name, "network") - nothing
    print(f"\n{name}, crop of {CROPS[name]}: a step of the network takes {network:.0f} MiB")
    for number in CROWDS:
        print(f"  with the loss of {number:5} people: {peak(name, str(number)) - nothing:.0f} MiB")


if __name__ == "__main__":
    run_once(*sys.argv[1:])
    kilobyte = 1 if sys.platform == "darwin" else 1024
    print(getrusage(RUSAGE_SELF).ru_maxrss * kilobyte / MIB)
