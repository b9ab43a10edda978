"""Runs that are killed at any moment and resumed end as one that was left alone."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch

from crowdkit_core.settings import RunSettings
from crowdkit_core.training import OptimizationSettings, Supervised, train

EPOCHS = 30


def started(toys, folder: Path) -> int:
    """A process that begins the run in a folder, or goes on with it."""
    if (process := os.fork()) != 0:
        return process
    code = 1
    try:
        torch.set_num_threads(1)  # those of the parent are not there after a fork
        trainer = Supervised(
            epochs=EPOCHS, batch_size=2, optimization=OptimizationSettings(learning_rate=1e-2)
        )
        resume = (folder / "data.json").exists()
        train(toys.task(), trainer, RunSettings(directory=folder, resume=resume))
        code = 0
    finally:
        os._exit(code)


def ended(process: int, *, within: float | None = None) -> int | None:
    """How a process ended; None if it did not within a time."""
    last = None if within is None else time.monotonic() + within
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if last is not None and time.monotonic() > last:
            return None
        time.sleep(0.002)


@pytest.fixture(scope="module")
def whole(toys, tmp_path_factory) -> tuple[Path, float]:
    """A run that was left alone, and how long it took."""
    folder, begun = tmp_path_factory.mktemp("whole"), time.monotonic()
    assert ended(started(toys, folder)) == 0
    return folder, time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_kills_and_resumes_change_nothing(toys, whole, tmp_path, seed) -> None:
    alone, seconds = whole
    rng = random.Random(seed)
    for _ in range(5):
        process = started(toys, tmp_path)
        if ended(process, within=rng.random() * seconds / 2) is None:
            os.kill(process, signal.SIGKILL)
            assert ended(process) in (-signal.SIGKILL, 0)
    assert ended(started(toys, tmp_path)) == 0
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / name).read_bytes() == (alone / name).read_bytes()
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    logged = {line["epoch"] for line in lines if line["event"] == "epoch_ended"}
    assert logged == set(range(1, EPOCHS + 1))
