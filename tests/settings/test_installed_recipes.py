"""What a run writes beside its weights is the recipe it was given, for every recipe installed."""

import pytest

from crowdkit_core.registry import describe
from crowdkit_core.settings import list_recipes, load_recipe, recipe_text
from crowdkit_core.settings.recipe_files import read_recipe_table

RECIPES = [each.name for each in list_recipes()]


@pytest.mark.parametrize("name", RECIPES)
def test_a_resolved_recipe_is_read_back_equal(name, tmp_path):
    dataset = read_recipe_table(name).get("dataset", {}).get("name", "synthetic")
    required = [each.name for each in describe("dataset", dataset).options if each.required]
    overrides = [f"dataset.root={tmp_path}"] if "root" in required else []
    recipe = load_recipe(name, overrides=overrides)
    written = tmp_path / "recipe.toml"
    written.write_text(recipe_text(recipe), encoding="utf-8")
    assert load_recipe(written) == recipe
