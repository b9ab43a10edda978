"""Every recipe is complete: its names exist, its options fit, and so do its parts."""

from pathlib import Path

import pytest
import torch

import crowdkit_core
from crowdkit_core.interfaces import TrainingTask
from crowdkit_core.settings import list_recipes, load_recipe

RECIPES = [each.name for each in list_recipes() if each.distribution == "crowdkit-deepcount"]


def test_recipes_are_found() -> None:
    assert set(RECIPES) == {
        "deepcount/mall",
        "deepcount/mbm",
        "deepcount/shanghaitech-a",
        "deepcount/shanghaitech-a-reference",
        "deepcount/shanghaitech-b",
        "deepcount/shanghaitech-b-reference",
        "deepcount/ucf-qnrf",
    }


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_makes_parts_that_fit(name: str, tmp_path: Path) -> None:
    overrides = [f"dataset.root={tmp_path}", "counter.pretrained=false"]
    recipe = load_recipe(name, overrides=overrides)
    with torch.device("meta"):
        counter = recipe.create("counter")
    task = TrainingTask(
        counter=counter,
        loss=recipe.create("loss"),
        density_generator=recipe.create("density_generator"),
        train=crowdkit_core.create("dataset", "synthetic", images=1),
    )
    assert recipe.create("trainer").stages(task)
