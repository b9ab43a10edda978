"""How much memory CFANet takes for an image of 1024 x 768, in training and in inference.

python -m pytest benchmarks/test_cfanet_memory.py -m "not gpu" -s

Training is one forward and backward pass of the network and its whole objective, without the
optimizer's own state. On the CPU each figure is the peak of a process of its own, the interpreter
and its libraries included; on a GPU it is the peak of what tensors took.
"""

import subprocess
import sys
from itertools import product
from resource import RUSAGE_SELF, getrusage

import pytest
import torch

import crowdkit_core
from crowdkit_core.data import collate
from crowdkit_core.interfaces import Target

SIZE = (768, 1024)
PRECISIONS = ("float32", "bfloat16")
CASES = {"inference": False, "training": False, "training, checkpointing": True}
GIB = 2**30


def run_once(case: str, precision: str, device: str) -> None:
    """One pass of the network, and in training of its objective, there and back."""
    scenes = crowdkit_core.create("dataset", "synthetic", images=1, size=SIZE, people=(500, 500))
    generator = crowdkit_core.create("density_generator", "fixed", sigma=8.0)
    counter = crowdkit_core.create("counter", "cfanet", checkpointing=CASES[case]).to(device)
    loss = crowdkit_core.create("loss", "cfanet")
    loss.fit(scenes, generator)
    batch = collate([scenes[0]]).to(device)
    training = case != "inference"
    counter.train(training)
    mixed = torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
    with torch.set_grad_enabled(training), mixed:
        prediction = counter(batch.images)
        if not training:
            return
        total = loss.to(device)(prediction, Target.from_batch(batch, generator)).total
    total.backward()


def peak_of_process(*arguments: str) -> float:
    """GiB, as the process itself reports them at its end."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def peak_on_gpu(case: str, precision: str) -> float:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    run_once(case, precision, "cuda")
    return torch.cuda.max_memory_allocated() / GIB


def report(peaks: dict[tuple[str, str], float]) -> None:
    print(f"\n{'GiB':26}{''.join(f'{precision:>10}' for precision in PRECISIONS)}")
    for case in CASES:
        print(f"{case:26}{''.join(f'{peaks[case, each]:10.2f}' for each in PRECISIONS)}")
    for precision in PRECISIONS:
        inference, training, checkpointing = (peaks[case, precision] for case in CASES)
        assert inference < checkpointing < training
    assert all(peaks[case, "bfloat16"] < peaks[case, "float32"] for case in CASES)


@pytest.mark.slow
def test_peak_on_the_cpu() -> None:
    print(f"\nan idle process: {peak_of_process():.2f} GiB")
    report({each: peak_of_process(*each) for each in product(CASES, PRECISIONS)})


@pytest.mark.gpu
def test_peak_on_a_gpu() -> None:
    run_once("inference", "float32", "cuda")  # what libraries keep for good
    report({each: peak_on_gpu(*each) for each in product(CASES, PRECISIONS)})


if __name__ == "__main__":
    if sys.argv[1:]:
        run_once(sys.argv[1], sys.argv[2], "cpu")
    kilobyte = 1 if sys.platform == "darwin" else 1024
    print(getrusage(RUSAGE_SELF).ru_maxrss * kilobyte / GIB)
