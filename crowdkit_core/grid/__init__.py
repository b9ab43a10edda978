"""Grids of runs: every combination trained, evaluated and put into a table."""

from crowdkit_core.grid.folder import GridFolder, Outcome
from crowdkit_core.grid.grid import Grid, GridRun
from crowdkit_core.grid.launching import Launcher, in_this_process
from crowdkit_core.grid.loading import load_grid
from crowdkit_core.grid.local_jobs import LocalJobs
from crowdkit_core.grid.running import run_grid
from crowdkit_core.grid.slurm_jobs import SlurmJobs
from crowdkit_core.grid.standing import Standing, standing
from crowdkit_core.grid.tables import markdown, write_tables

__all__ = [
    "Grid",
    "GridFolder",
    "GridRun",
    "Launcher",
    "LocalJobs",
    "Outcome",
    "SlurmJobs",
    "Standing",
    "in_this_process",
    "load_grid",
    "markdown",
    "run_grid",
    "standing",
    "write_tables",
]
