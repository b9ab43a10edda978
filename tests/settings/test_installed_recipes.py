"""What a run writes beside its weights is the recipe it was given, for every recipe installed."""

import pytest

from crowdkit_core.settings import list_recipes, load_recipe, recipe_text

RECIPES = [each.name for each in list_recipes()]


@pytest.mark.parametrize("name", RECIPES)
def test_a_resolved_recipe_is_read_back_equal(name, tmp_path):
    root = [] if name.endswith("/synthetic") else [f"dataset.root={tmp_path}"]
    recipe = load_recipe(name, overrides=root)
    written = tmp_path / "recipe.toml"
    written.write_text(recipe_text(recipe), encoding="utf-8")
    assert load_recipe(written) == recipe
