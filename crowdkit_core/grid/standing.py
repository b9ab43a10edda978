"""How the runs of a grid stand, wherever they are done."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crowdkit_core.errors import DataError
from crowdkit_core.files import atomic_write
from crowdkit_core.folder_lock import is_held
from crowdkit_core.grid.folder import GridFolder
from crowdkit_core.grid.grid import GridRun
from crowdkit_core.grid.slurm_queue import waiting_jobs
from crowdkit_core.training.run_record import DATA_FILE

JOB_FILE = "job.txt"

State = Literal["finished", "failed", "running", "queued", "stopped", "missing"]
"""A stopped run was begun, and neither finished nor failed: it is gone on with."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands.

    Attributes:
        state: In a word.
        job: The last job of a scheduler that was to do it; empty if there was none.
    """

    state: State
    job: str = ""

    @property
    def is_in_hands(self) -> bool:
        """Whether somebody does it, or a job waits to."""
        return self.state in ("running", "queued")

    @property
    def is_open(self) -> bool:
        """Whether it is to be done, and nobody does it."""
        return self.state in ("failed", "stopped", "missing")


def standing(place: GridFolder, runs: Sequence[GridRun]) -> dict[str, Standing]:
    """How runs stand, by label.

    Raises:
        CrowdkitError: The scheduler does not say which jobs wait.
    """
    jobs = {run.label: _job(place, run) for run in runs}
    unfinished = {run.label for run in runs if not place.is_finished(run)}
    waiting = waiting_jobs(sorted({jobs[label] for label in unfinished} - {""}))
    return {
        run.label: Standing(
            "finished" if run.label not in unfinished else _state(place, run, jobs, waiting),
            jobs[run.label],
        )
        for run in runs
    }


def keep_job(place: GridFolder, run: GridRun, job: str) -> None:
    """Remember which job of a scheduler is to do a run."""
    with atomic_write(_job_file(place, run)) as temporary:
        temporary.write_text(job + "\n", encoding="utf-8")


def _state(place: GridFolder, run: GridRun, jobs: dict[str, str], waiting: set[str]) -> State:
    if is_held(place.job_folder(run)):
        return "running"
    if jobs[run.label] in waiting:
        return "queued"
    if any(each.error for each in place.outcomes([run])):
        return "failed"
    begun = jobs[run.label] or (place.run_folder(run) / DATA_FILE).exists()
    return "stopped" if begun else "missing"


def _job(place: GridFolder, run: GridRun) -> str:
    file = _job_file(place, run)
    try:
        return file.read_text(encoding="utf-8").strip() if file.exists() else ""
    except ValueError as error:
        raise DataError(f"{file}: damaged: {error}", hint="delete it") from error


def _job_file(place: GridFolder, run: GridRun) -> Path:
    return place.job_folder(run) / JOB_FILE
