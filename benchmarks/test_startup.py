"""How long the command line takes to answer, against importing torch.

python -m pytest benchmarks/test_startup.py -m "" -s
"""

import subprocess
import sys
from statistics import median
from time import perf_counter

ROUNDS = 7
COMMANDS = {
    "bare interpreter": ["-c", "pass"],
    "crowdkit --version": ["-m", "crowdkit_core.cli", "--version"],
    "crowdkit list --json": ["-m", "crowdkit_core.cli", "list", "--json"],
    "crowdkit --help": ["-m", "crowdkit_core.cli", "--help"],
    "import torch": ["-c", "import torch"],
}


def seconds(arguments: list[str]) -> float:
    started = perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return perf_counter() - started


def test_list(benchmark):
    benchmark.pedantic(seconds, (COMMANDS["crowdkit list --json"],), rounds=ROUNDS)


def test_ratios():
    rounds = [{name: seconds(command) for name, command in COMMANDS.items()} for _ in range(ROUNDS)]
    times = {name: median(each[name] for each in rounds) for name in COMMANDS}
    print(f"\nwhole process, median of {ROUNDS}; seconds, and share of importing torch")
    for name, time in times.items():
        print(f"{name:22}{time:8.3f}{time / times['import torch']:8.2f}")
