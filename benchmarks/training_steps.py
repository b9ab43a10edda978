"""Milliseconds of a training step of every counter, by `run.precision` and `run.channels_last`.

python benchmarks/training_steps.py [--only NAME] [--no-bf16] [--crops 4] [--device cuda]

Crops of 256 x 256 forwards and backwards, and a step of Adam; counters have their default
options and random weights. Losses and loading, which cost the same in all settings, are left out.
bfloat16 takes minutes a step where the processor has none: `--no-bf16` leaves it out there.
"""

from itertools import product
from statistics import median
from time import perf_counter

import click
import torch
from torch import Tensor

import crowdkit_core
from crowdkit_core.inference.ways import Way
from crowdkit_core.interfaces import Counter, Prediction
from crowdkit_core.registry import describe
from crowdkit_core.settings import hardware

SIDE = 256
WAYS = tuple(Way(channels_last=last, bf16=bf16) for bf16, last in product((False, True), repeat=2))


def total(prediction: Prediction) -> Tensor:
    """Something to minimise that every output is part of."""
    maps = [each for each in (prediction.density, *prediction.maps.values()) if each is not None]
    return sum((each.float().square().mean() for each in maps), prediction.count.mean())


class Step:
    """A counter's step one way."""

    def __init__(
        self, name: str, way: Way, crops: int, device: torch.device, *, compiled: bool
    ) -> None:
        torch.manual_seed(0)
        self.counter: Counter = crowdkit_core.create("counter", name).to(device)
        self.call = torch.compile(self.counter) if compiled else self.counter
        self.images = torch.rand(crops, 3, SIDE, SIDE).to(device)
        self.optimizer = torch.optim.Adam(self.counter.parameters(), lr=1e-5)
        self.way, self.device = way, device

    def milliseconds(self) -> float:
        """Of one step."""
        self._wait()
        started = perf_counter()
        self.optimizer.zero_grad()
        with self.way.taken(self.counter, self.device):
            loss = total(self.call(self.images))
        loss.backward()
        self.optimizer.step()
        self._wait()
        return 1000 * (perf_counter() - started)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def row(
    name: str,
    ways: tuple[Way, ...],
    crops: int,
    device: torch.device,
    rounds: int,
    *,
    compiled: bool,
) -> str:
    steps = [Step(name, way, crops, device, compiled=compiled) for way in ways]
    # In turns, so that whatever else the machine does slows all of them; the first sets things up.
    times = [[step.milliseconds() for step in steps] for _ in range(1 + rounds)]
    found = [median(each) for each in zip(*times[1:], strict=True)]
    best = ways[found.index(min(found))]
    return f"| `{name}` | {' | '.join(f'{each:.0f}' for each in found)} | {best} |"


@click.command
@click.option("--only", multiple=True, help="These counters alone.")
@click.option("--bf16/--no-bf16", default=True, show_default=True, help="bfloat16 as well.")
@click.option("--crops", default=4, show_default=True, help="In a batch.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--compile", "compiled", is_flag=True, help="By torch.compile.")
def main(
    only: tuple[str, ...], bf16: bool, crops: int, device: str, rounds: int, compiled: bool
) -> None:
    """Measure every installed counter that needs no file."""
    every = (each.name for each in crowdkit_core.list_components("counter"))
    names = [name for name in every if not describe("counter", name).needs_options]
    ways = tuple(way for way in WAYS if bf16 or not way.bf16)
    click.echo(
        f"torch {torch.__version__}, {hardware(device)}, crops {crops}, median of {rounds}\n"
    )
    click.echo(f"| counter | {' | '.join(map(str, ways))} | quickest |")
    click.echo("|---" * (len(ways) + 2) + "|")
    for name in only or names:
        click.echo(row(name, ways, crops, torch.device(device), rounds, compiled=compiled))


if __name__ == "__main__":
    main()
