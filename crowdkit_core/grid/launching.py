"""Say where the runs of a grid are done: in this process, unless in jobs."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from crowdkit_core.folder_lock import FolderHeldError
from crowdkit_core.grid.finishing import finish_run
from crowdkit_core.grid.folder import GridFolder, Outcome
from crowdkit_core.grid.grid import GridRun

RunEnded = Callable[[Sequence[Outcome]], None]
"""Called with the outcomes of a run that was trained: one, or one for each evaluated stage."""


class Launcher(Protocol):
    """Has runs trained and evaluated."""

    def __call__(self, place: GridFolder, runs: Sequence[GridRun], run_ended: RunEnded) -> None:
        """Have runs done.

        Args:
            place: The grid's folder.
            runs: Those that are not finished, and that nobody does yet.
            run_ended: To be called after each that has ended before this returns.
        """


def in_this_process(place: GridFolder, runs: Sequence[GridRun], run_ended: RunEnded) -> None:
    """Do runs one after the other, but for those that another process has begun meanwhile."""
    for run in runs:
        with suppress(FolderHeldError):
            finish_run(place, run)
            run_ended(place.outcomes([run]))
