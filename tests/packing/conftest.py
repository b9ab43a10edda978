"""Runs of a tiny counter, to be packed."""

import pytest

from crowdkit_core.settings import resolve_recipe
from crowdkit_core.training import train_recipe


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """Train an MCNN for an epoch on small scenes; gives the folder of the run."""

    def make(**dataset):
        folder = tmp_path_factory.mktemp("run")
        recipe = resolve_recipe(
            {
                "counter": "mcnn",
                "dataset": {"name": "synthetic", "size": [64, 96], "people": [1, 30], **dataset},
                "trainer": {"name": "supervised", "epochs": 1},
                "run": {"directory": str(folder), "seed": 5, "accelerator": "cpu"},
            }
        )
        train_recipe(recipe)
        return folder

    return make


@pytest.fixture(scope="session")
def run(make_run):
    return make_run(images=24)
