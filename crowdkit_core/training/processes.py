"""Over how many processes a run trains."""

import os

from crowdkit_core.errors import UsageError
from crowdkit_core.processes import is_launched
from crowdkit_core.settings import RunSettings


def process_counts(run: RunSettings) -> tuple[int, int]:
    """Processes on each machine, and machines: as settings say, or as ``torchrun`` started them.

    Raises:
        UsageError: The settings and ``torchrun`` contradict each other. Going on would start as
            many runs of their own as there are processes.
    """
    if not is_launched():
        return run.devices or 1, run.num_nodes or 1
    devices = _agreed("devices", run.devices, "LOCAL_WORLD_SIZE", "processes on this machine")
    return devices, _agreed("num_nodes", run.num_nodes, "GROUP_WORLD_SIZE", "machines")


def _agreed(name: str, asked: int | None, variable: str, what: str) -> int:
    started = int(os.environ[variable])
    if asked not in (None, started):
        raise UsageError(
            f"run.{name} is {asked}, but torchrun started {started} {what}",
            hint=f"leave run.{name} out, or say run.{name}=none: torchrun knows it",
        )
    return started
