"""How many processes load the images of a run."""

import os

import torch

from crowdkit_core.settings import RunSettings

MOST = 8
"""More than these seldom load faster, and each takes memory."""


def worker_count(run: RunSettings, device: torch.device, *, processes: int) -> int:
    """Loader workers of each process of a run.

    By ``auto`` there are none beside a network on the CPU, which keeps all cores busy itself, and
    as many as there are cores for beside one on another device.

    Args:
        run: What was asked for.
        device: Where the network is.
        processes: Of the run, on this machine.
    """
    if isinstance(run.workers, int):
        return run.workers
    if device.type == "cpu":
        return 0
    return max(0, min(MOST, _cores() // processes - 1))


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
