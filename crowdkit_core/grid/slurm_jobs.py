"""Submit the runs of a grid to Slurm, as an array of jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crowdkit_core.errors import CrowdkitError, UsageError, require_at_least_one
from crowdkit_core.folder_lock import locked
from crowdkit_core.grid.folder import GridFolder
from crowdkit_core.grid.grid import GridRun
from crowdkit_core.grid.launching import RunEnded
from crowdkit_core.grid.standing import keep_job, standing
from crowdkit_core.grid.submitted import LOGS, FinishRun, submitit

OF_ANY_CLUSTER = ("name", "timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node")
"""Parameters that submitit knows for all clusters; others are those of ``sbatch``."""
TIMES = ("timeout_min", "time")
OF_MANY_PROCESSES = ("nodes", "tasks_per_node", "ntasks_per_node", "gpus_per_task")


@dataclass(frozen=True, slots=True)
class SlurmJobs:
    """A job for each run, all of them submitted at once.

    Attributes:
        parameters: Of submitit: ``timeout_min``, ``partition``, ``gpus_per_node``, ...
        at_once: Most jobs that run at a time; None for as many as Slurm likes.

    Raises:
        MissingPackageError: submitit is not installed.
        UsageError: Parameters that do not fit, or there is no Slurm.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    at_once: int | None = None

    def __post_init__(self) -> None:
        require_at_least_one({"--jobs": self.at_once})
        if not any(name in self.parameters for name in TIMES):
            raise UsageError(
                "Slurm stops a job when its time is up, and nobody said how long one takes",
                hint="--slurm timeout_min=MINUTES; a run that is stopped is queued again",
            )
        if several := [name for name in OF_MANY_PROCESSES if name in self.parameters]:
            raise UsageError(f"{several[0]}: a run of a grid is one process")
        self._executor(Path())

    def __call__(self, place: GridFolder, runs: Sequence[GridRun], run_ended: RunEnded) -> None:
        """Submit runs, but for those that were submitted meanwhile, and return at once."""
        del run_ended  # none ends before this returns
        with locked(place.jobs, hint="it is submitting this grid", wait=60.0):
            states = standing(place, runs)
            still = [run for run in runs if states[run.label].is_open]
            if not still:
                return
            executor = self._executor(place.path / LOGS)
            failures = submitit().core.utils
            try:
                jobs = executor.map_array(FinishRun(place), still)
            except (failures.FailedJobError, failures.FailedSubmissionError) as error:
                raise CrowdkitError(f"sbatch failed: {error}") from error
            for run, job in zip(still, jobs, strict=True):
                keep_job(place, run, job.job_id)

    def _executor(self, folder: Path) -> Any:
        named = {
            name if name in OF_ANY_CLUSTER else f"slurm_{name}": value
            for name, value in self.parameters.items()
        }
        if self.at_once is not None:
            named["slurm_array_parallelism"] = self.at_once
        try:
            executor = submitit().AutoExecutor(folder, cluster="slurm")
            executor.update_parameters(**{"name": "crowdkit-grid", **named})
        except RuntimeError as error:
            raise UsageError(f"no Slurm on this machine: {error}") from error
        except (NameError, ValueError, AssertionError) as error:
            raise UsageError(f"--slurm: {str(error).splitlines()[0]}") from error
        return executor
