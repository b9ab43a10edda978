"""Do the runs of a grid in processes of this machine, some at a time."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from crowdkit_core.errors import require_at_least_one
from crowdkit_core.grid.folder import GridFolder
from crowdkit_core.grid.grid import GridRun
from crowdkit_core.grid.launching import RunEnded
from crowdkit_core.grid.submitted import LOGS, FinishRun, submitit

FOR_EVER = 60 * 24 * 365
"""Minutes that a job may take; submitit's default is two."""
LOOK_EVERY = 0.2
"""Seconds."""


@dataclass(frozen=True, slots=True)
class FinishRunHere(FinishRun):
    """Finishes a run, and ends at once when it is told to, which submitit's jobs do not."""

    def __call__(self, run: GridRun) -> None:
        """Do it."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        FinishRun.__call__(self, run)


@dataclass(frozen=True, slots=True)
class LocalJobs:
    """A process for each run; each of those at work has a GPU of its own, as far as they go.

    Attributes:
        at_once: Most processes at a time; None for one for each GPU.

    Raises:
        MissingPackageError: submitit is not installed.
        OptionsError: ``at_once`` is below 1.
    """

    at_once: int | None = None

    def __post_init__(self) -> None:
        require_at_least_one({"--jobs": self.at_once})
        submitit()

    def __call__(self, place: GridFolder, runs: Sequence[GridRun], run_ended: RunEnded) -> None:
        """Do runs; where this is stopped, so are they."""
        gpus = _gpus()
        executor = submitit().LocalExecutor(place.path / LOGS)
        waiting = list(runs)
        at_work: dict[int, tuple[Any, GridRun]] = {}
        places = range(self.at_once or len(gpus) or 1)
        try:
            while waiting or at_work:
                for number in [each for each in places if each not in at_work][: len(waiting)]:
                    own = [gpus[number % len(gpus)]] if gpus else []
                    executor.update_parameters(
                        timeout_min=FOR_EVER, gpus_per_node=len(own), visible_gpus=own
                    )
                    run = waiting.pop(0)
                    at_work[number] = (executor.submit(FinishRunHere(place), run), run)
                time.sleep(LOOK_EVERY)
                for number, (job, run) in list(at_work.items()):
                    if job.done():
                        del at_work[number]
                        run_ended(place.outcomes([run]))
        finally:
            for job, _ in at_work.values():
                os.kill(int(job.job_id), signal.SIGTERM)  # SIGINT is ignored in the background


def _gpus() -> list[str]:
    """As ``CUDA_VISIBLE_DEVICES`` names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [each for each in named.split(",") if each]
    return [str(number) for number in range(torch.cuda.device_count())]
