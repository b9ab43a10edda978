"""Seed random states from a run's seed and the place in training."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from lightning_fabric import seed_everything


def seed_from(*place: int) -> None:
    """Seed Python, NumPy and torch (all devices) from a run's seed and a place in the run.

    Doing so at each epoch makes a resumed run continue bit for bit without storing generators,
    and gives each rank a stream of its own.

    Args:
        *place: Non-negative integers; another tuple gives an unrelated stream.
    """
    seed_everything(int(np.random.SeedSequence(place).generate_state(1)[0]), verbose=False)


@contextmanager
def deterministic_algorithms(wanted: bool) -> Iterator[None]:
    """Inside, torch uses only algorithms that give the same bits each time, if wanted.

    Raises:
        RuntimeError: Inside, where torch has no such algorithm on the device; it names the
            operation.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
