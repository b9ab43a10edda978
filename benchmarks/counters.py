"""Milliseconds and memory of every counter for an image of 1024 x 768, by how it is computed.

python benchmarks/counters.py [--only NAME] [--way WAY] [--device cuda] [--rounds 5]

Counters have their default options and random weights. "With gradients" is how a script computes
that forgets `torch.no_grad()`, as published ones often do; "float32" is torch's own way;
"auto" is what `crowdkit count` takes, of ways that keep the count; "bf16" is `--precision bf16`,
which takes minutes an image where the processor has no bfloat16: leave it out there by `--way`.
Each way has a process of its own; its peak is what counting adds, on a GPU of what torch allocates.
"""

import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from resource import RUSAGE_SELF, getrusage
from statistics import median
from time import perf_counter

import click
import torch

import crowdkit_core
from crowdkit_core.inference.quickest import quickest_way
from crowdkit_core.inference.ways import BF16, FLOAT32_WAYS, PLAIN, Way
from crowdkit_core.interfaces import Counter, evaluating
from crowdkit_core.registry import describe
from crowdkit_core.settings import hardware

SIZE = (768, 1024)
WAYS = ("with gradients", "float32", "auto", "bf16")
MIB = 2**20


def chosen_way(name: str, counter: Counter, device: torch.device) -> Way:
    if name == "auto":
        return quickest_way(counter, device, FLOAT32_WAYS)
    return BF16 if name == "bf16" else PLAIN


def peak(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MIB
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(name: str, way: str, device: torch.device, rounds: int) -> None:
    """Print the way taken, the median milliseconds, and the MiB that counting adds."""
    torch.manual_seed(0)
    counter = crowdkit_core.create("counter", name)
    image = torch.rand(1, 3, *SIZE).to(device)
    gradients: AbstractContextManager[object] = nullcontext()
    if way == "with gradients":
        gradients = torch.enable_grad()
    times = []
    with evaluating(counter, device):
        chosen = chosen_way(way, counter, device)
        before = peak(device)
        with chosen.taken(counter, device), gradients:
            for _ in range(1 + rounds):  # the first sets things up
                wait_for(device)
                started = perf_counter()
                prediction = counter.predict(image)
                wait_for(device)
                times.append(perf_counter() - started)
                del prediction
    print(f"{chosen};{1000 * median(times[1:]):.0f};{peak(device) - before:.0f}")


def measured(name: str, way: str, device: str, rounds: int) -> tuple[str, float, float]:
    command = [sys.executable, __file__, "--alone", name, way]
    options = ["--device", device, "--rounds", str(rounds)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    chosen, milliseconds, mebibytes = done.stdout.strip().splitlines()[-1].split(";")
    return chosen, float(milliseconds), float(mebibytes)


def row(name: str, ways: tuple[str, ...], device: str, rounds: int) -> str:
    cells = [f"`{name}`"]
    for way in ways:
        chosen, milliseconds, mebibytes = measured(name, way, device, rounds)
        taken = f" ({chosen})" if way == "auto" else ""
        cells.append(f"{milliseconds:.0f} ms, {mebibytes:.0f} MiB{taken}")
    return f"| {' | '.join(cells)} |"


@click.command
@click.option("--only", multiple=True, help="These counters alone.")
@click.option("--way", "ways", multiple=True, type=click.Choice(WAYS), help="These ways alone.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option("--alone", nargs=2, hidden=True)
def main(
    only: tuple[str, ...],
    ways: tuple[str, ...],
    device: str,
    rounds: int,
    alone: tuple[str, str] | None,
) -> None:
    """Measure every installed counter that needs no file."""
    if alone is not None:
        measure(*alone, torch.device(device), rounds)
        return
    every = (each.name for each in crowdkit_core.list_components("counter"))
    names = [name for name in every if not describe("counter", name).needs_options]
    ways = ways or WAYS
    click.echo(f"torch {torch.__version__}, {hardware(device)}, median of {rounds}\n")
    click.echo(f"| counter | {' | '.join(ways)} |")
    click.echo("|---" * (len(ways) + 1) + "|")
    for name in only or names:
        click.echo(row(name, ways, device, rounds))


if __name__ == "__main__":
    main()
