"""Every grid of runs that a plugin ships has parts that are there and options that fit."""

import pytest

from crowdkit_core.grid import load_grid
from crowdkit_core.settings import list_grids

GRIDS = [info.name for info in list_grids()]


def test_grids_are_found():
    assert {"cfanet/losses-shanghaitech-a", "cfanet/bsl-ucf-cc-50"} <= set(GRIDS)


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_resolves(name, tmp_path):
    grid = load_grid(name, overrides=[f"dataset.root={tmp_path}"])
    assert len({run.folder for run in grid.runs}) == len(grid.runs)
    compared = (grid.runs, grid.evaluations, grid.stages, grid.counts)
    assert max(map(len, compared)) > 1
