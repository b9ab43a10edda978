"""What a job that submitit starts does: one run of a grid."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from crowdkit_core.extras import extra_package
from crowdkit_core.folder_lock import FolderHeldError
from crowdkit_core.grid.finishing import finish_run
from crowdkit_core.grid.folder import GridFolder
from crowdkit_core.grid.grid import GridRun

LOGS = ".logs"
"""What jobs print, and submitit's files, in the grid's folder."""

PATIENCE = 10.0
"""Seconds to wait for whoever looks whether a run is being done."""


@dataclass(frozen=True, slots=True)
class FinishRun:
    """Finishes a run, unless another process is in it.

    Attributes:
        place: The grid's folder.
    """

    place: GridFolder

    def __call__(self, run: GridRun) -> None:
        """Do it."""
        with suppress(FolderHeldError):
            finish_run(self.place, run, wait=PATIENCE)

    def checkpoint(self, run: GridRun) -> Any:
        """What submitit queues again when the job's time is up: finished epochs are kept."""
        return submitit().helpers.DelayedSubmission(self, run)


def submitit() -> Any:
    """The package.

    Raises:
        MissingPackageError: It is not installed.
    """
    return extra_package("submitit", extra="slurm", needed_by="jobs need")
