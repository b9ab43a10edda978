"""Grids of runs: every combination trained, evaluated and put into a table."""

from crowdkit_core.grid.folder import GridFolder, Outcome
from crowdkit_core.grid.grid import Grid, GridRun
from crowdkit_core.grid.loading import load_grid
from crowdkit_core.grid.running import run_grid
from crowdkit_core.grid.tables import markdown, write_tables

__all__ = [
    "Grid",
    "GridFolder",
    "GridRun",
    "Outcome",
    "load_grid",
    "markdown",
    "run_grid",
    "write_tables",
]
