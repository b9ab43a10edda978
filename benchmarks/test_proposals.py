"""What matching proposals with people costs beside the step of P2PNet.

OMP_NUM_THREADS=1 python -m pytest benchmarks/test_proposals.py -m "" -s

A step is forward and backward of the published network on the four crops of an image, without the
optimizer; the loss is the same of the loss alone, on the maps that the network gives, and matching
is that part of it which SciPy does. Times are CPU seconds, medians of a few rounds.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import pytest
import torch
from torch import Tensor

import crowdkit_core
from crowdkit_core.interfaces import Counter, Loss, Prediction, Target, proposals_of
from crowdkit_core.losses import match_proposals

SIDE, CROPS = 128, 4
CROWDS = (0, 1, 20, 100, 300, 1000, 5000)
ROUNDS = 3


def seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS + 1):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return median(taken[1:])


def network_step(counter: Counter, images: Tensor) -> Prediction:
    prediction: Prediction = counter(images)
    torch.stack([each.square().sum() for each in prediction.maps.values()]).sum().backward()
    return prediction


def loss_step(loss: Loss, prediction: Prediction, target: Target) -> None:
    leaves = {name: m.detach().requires_grad_() for name, m in prediction.maps.items()}
    loss(replace(prediction, maps=leaves), target).total.backward()


def matching(prediction: Prediction, crowds: list[Tensor]) -> None:
    proposals = proposals_of(prediction.maps, prediction.outputs)
    for xy, scores, points in zip(proposals.xy, proposals.scores, crowds, strict=True):
        match_proposals(xy, scores, points)


@pytest.mark.slow
def test_time_beside_the_network() -> None:
    torch.manual_seed(0)
    counter, loss = (crowdkit_core.create(kind, "p2pnet") for kind in ("counter", "loss"))
    generator = crowdkit_core.create("density_generator", "fixed")
    images = torch.rand(CROPS, 3, SIDE, SIDE)
    prediction = network_step(counter, images)
    network = seconds(lambda: network_step(counter, images))
    print(f"\n{CROPS} crops of {SIDE}: step of the network {network * 1e3:.0f} ms")
    for number in CROWDS:
        crowds = [SIDE * torch.rand(number, 2) for _ in range(CROPS)]
        target = Target(crowds, (SIDE, SIDE), generator)
        whole = seconds(lambda target=target: loss_step(loss, prediction, target))
        matched = seconds(lambda crowds=crowds: matching(prediction, crowds))
        print(
            f"  {number:5} people a crop: loss {whole / network:.4f} of the step, "
            f"matching {matched / network:.4f}"
        )
