"""Every recipe is complete: its names exist, its options fit, and so do its parts."""

from pathlib import Path

import pytest

import crowdkit_core
from crowdkit_core.interfaces import TrainingTask
from crowdkit_core.settings import list_recipes, load_recipe

RECIPES = [each.name for each in list_recipes() if each.distribution == "crowdkit-zip"]


def test_recipes_are_found() -> None:
    assert {f"zip/{name}" for name in ("people", "shanghaitech-a", "synthetic")} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_makes_parts_that_fit(name: str, tmp_path: Path) -> None:
    root = [] if name.endswith("/synthetic") else [f"dataset.root={tmp_path}"]
    recipe = load_recipe(name, overrides=[*root, "counter.pretrained=false"])
    task = TrainingTask(
        counter=recipe.create("counter"),
        loss=recipe.create("loss"),
        density_generator=recipe.create("density_generator"),
        train=crowdkit_core.create("dataset", "synthetic", images=1),
    )
    assert recipe.create("trainer").stages(task)
