"""What DeepCount costs beside what its paper prints (arXiv 1908.03314, Tables 5 to 7).

OMP_NUM_THREADS=1 python -m pytest benchmarks/test_deepcount.py -m "not gpu" -s
python -m pytest benchmarks/test_deepcount.py -m gpu -s

The paper's "FLOPs" are multiply-accumulates (its eq. 7). It counts a transposed convolution, like
any other, by its output cells; of these products, torch leaves out those with the zeros that the
stride inserts, and the last column is what is left.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time

import pytest
import torch
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.interfaces import Counter
from crowdkit_core.networks.cost import LayerCost, NetworkCost, measure_cost
from crowdkit_core.tables import table

SIZE = (384, 512)
FRONT_END = 10  # convolutions of VGG-16 that the paper's tables leave out
ROUNDS = 5
DOUBLING = 2  # stride of the transposed convolutions
LEVELS = (1, 2, 3, 4, 5)

# As printed, in millions.
BACK_ENDS = {
    "csrnet": "7248 7248 7248 3624 906 226 0.2",
    "backbone": "3624 906 906 226 226 57 57 14 14 3 0.001",
    "branch 1": "37 101 403 1611 6442 2",
}
BRANCHES = "6034 2152 541 138 38"
# Table 7 gives branch 1 the sum of the backbone's column of Table 5; its own column adds up to:
BRANCH_1 = "8596"
BRANCH_PARAMETERS = (11_536_129, 9_438_721, 7_341_313, 5_243_905, 3_146_497)  # of Table 1's layers
SPEED_UP = 1.4  # Table 6: 45 against 33 images a second on a Tesla P40


@pytest.fixture(scope="module")
def csrnet() -> NetworkCost:
    return measure_cost(create("counter", "csrnet"), SIZE)


@pytest.fixture(scope="module")
def backbone() -> NetworkCost:
    return measure_cost(create("counter", "deepcount", branches=()), SIZE)


@pytest.fixture(scope="module")
def branches() -> dict[int, list[LayerCost]]:
    """Layers of each branch, found as what a counter with it has more than the backbone."""
    return {level: _branch(level) for level in LEVELS}


def _branch(level: int) -> list[LayerCost]:
    with_branch = measure_cost(create("counter", "deepcount", branches=(level,)), SIZE)
    return [each for each in with_branch.layers if each.name.startswith(f"branches.branch{level}.")]


def agrees(ours: float, printed: str) -> bool:
    """Whether ours, rounded or cut off, is what is printed (the table's 37 is 37.749 cut off)."""
    digits = len(printed.partition(".")[2])
    return abs(ours - float(printed)) < 10**-digits


def test_table_5(csrnet, backbone, branches):
    back_ends = {
        "csrnet": csrnet.layers[FRONT_END:],
        "backbone": [each for each in backbone.layers if each.name][FRONT_END:],
        "branch 1": branches[1],
    }
    rows = []
    for name, layers in back_ends.items():
        for layer, printed in zip(layers, BACK_ENDS[name].split(), strict=True):
            ours = _by_output(layer) / 1e6
            rows.append((name, layer.type, _shape(layer), printed, f"{ours:.3f}", _done(layer)))
            assert agrees(ours, printed), (name, layer)
    header = ("back end", "layer", "output", "Table 5", "ours", "without zeros")
    print(f"\nmillion multiply-accumulates at {SIZE[0]}x{SIZE[1]}\n{table(rows, header)}")


def test_table_6(csrnet, backbone):
    counts = {"csrnet": (csrnet, "16.3"), "deepcount's backbone": (backbone, "21.4")}
    rows = []
    for name, (cost, printed) in counts.items():
        ours = cost.total.parameters
        rows.append((name, printed, f"{ours:,}", f"{cost.total.macs / 1e6:,.0f}"))
        assert agrees(ours / 1e6, printed)
    print("\n" + table(rows, ("inference", "Table 6", "parameters", "MMACs with front end")))
    assert (csrnet.total.parameters, backbone.total.parameters) == (16_263_489, 21_403_201)


def test_table_7(backbone, branches):
    rows = []
    for level, printed in zip(LEVELS, BRANCHES.split(), strict=True):
        layers = branches[level]
        ours = sum(map(_by_output, layers)) / 1e6
        done = sum(each.macs for each in layers) / 1e6
        parameters = sum(each.parameters for each in layers)
        rows.append((f"{level}", printed, f"{ours:.1f}", f"{done:.1f}", f"{parameters:,}"))
        assert round(ours) == int(BRANCH_1 if level == 1 else printed)
        assert parameters == BRANCH_PARAMETERS[level - 1]
    print("\n" + table(rows, ("branch", "Table 7", "ours", "without zeros", "parameters")))
    back_end = [each for each in backbone.layers if each.name][FRONT_END:]
    assert round(sum(each.macs for each in back_end) / 1e6) == int(BRANCHES.split()[0])
    whole = measure_cost(create("counter", "deepcount"), SIZE)
    assert whole.total.parameters == 58_109_766


def _shape(layer: LayerCost) -> str:
    return "x".join(map(str, layer.outputs[0]))


def _done(layer: LayerCost) -> str:
    return "" if layer.macs == _by_output(layer) else f"{layer.macs / 1e6:.3f}"


def _by_output(layer: LayerCost) -> int:
    """By eq. 7: kernel x channels for each output cell; torch counts those of the input."""
    return layer.macs * (DOUBLING**2 if layer.type == "ConvTranspose2d" else 1)


@pytest.mark.slow
def test_speed_on_a_processor(csrnet, backbone):
    times = race("cpu", process_time)
    where = f"CPU, threads: {torch.get_num_threads()}, time of all processors"
    report(times, csrnet.total.macs / backbone.total.macs, where)
    assert times["csrnet"] > times["deepcount"]


@pytest.mark.gpu
def test_speed_on_a_gpu(csrnet, backbone):
    times = race("cuda", perf_counter)
    report(times, csrnet.total.macs / backbone.total.macs, "CUDA, torch's default precision")
    assert times["csrnet"] > times["deepcount"]


def race(device: str, clock: Callable[[], float]) -> dict[str, float]:
    """Median seconds for one image, in turns so that both see the machine's moods."""
    counters = {
        "csrnet": create("counter", "csrnet").to(device).eval(),
        "deepcount": create("counter", "deepcount", branches=()).to(device).eval(),
    }
    images = torch.rand(1, 3, *SIZE, device=device)
    rounds: dict[str, list[float]] = {name: [] for name in counters}
    for _ in range(ROUNDS + 1):  # the first warms up
        for name, counter in counters.items():
            rounds[name].append(seconds(counter, images, clock))
    return {name: median(each[1:]) for name, each in rounds.items()}


@torch.no_grad()
def seconds(counter: Counter, images: Tensor, clock: Callable[[], float]) -> float:
    repeats = 50 if images.is_cuda else 1
    started = clock()
    for _ in range(repeats):
        count = counter(images).count
    count.item()  # waits for the GPU
    return (clock() - started) / repeats


def report(times: dict[str, float], work: float, where: str) -> None:
    ratio = times["csrnet"] / times["deepcount"]
    print(
        f"\none image of {SIZE[0]}x{SIZE[1]}, median of {ROUNDS} rounds; {where}"
        f"\ncsrnet takes {ratio:.2f} times as long as deepcount's backbone "
        f"(the paper: {SPEED_UP}); it multiplies {work:.2f} times as much"
    )
