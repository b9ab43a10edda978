"""What a run writes beside its weights is the recipe it was given, for every recipe installed."""

import re

import pytest

from crowdkit_core.errors import UsageError
from crowdkit_core.registry import describe
from crowdkit_core.registry.discovery import offers
from crowdkit_core.registry.kinds import RECIPES_GROUP
from crowdkit_core.registry.resources import toml_files
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


def commented_settings(name):
    """What the comments of a recipe say to set: ``--set KEY=VALUE``, and ``KEY`` alone."""
    (offer,) = [each for each in offers(RECIPES_GROUP) if each.name == name.partition("/")[0]]
    (file,) = [
        each
        for each in toml_files(offer, "recipes")
        if each.name == f"{name.partition('/')[2]}.toml"
    ]
    lines = file.read_text(encoding="utf-8").splitlines()
    comments = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
    return re.findall(r"--set '?([^\s=]+)=([^\s',;:]+)", comments)


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_says_to_set_can_be_set(name, tmp_path):
    settings = [
        f"{key}={tmp_path if value.rstrip('.').isupper() else value.rstrip('.')}"
        for key, value in commented_settings(name)
    ]
    dataset = read_recipe_table(name).get("dataset", {}).get("name", "synthetic")
    required = [each.name for each in describe("dataset", dataset).options if each.required]
    if "root" in required:
        settings.insert(0, f"dataset.root={tmp_path}")
    load_recipe(name, overrides=settings)


def test_an_entry_of_a_list_of_stages_is_set_by_its_index():
    changed = load_recipe("raznet/synthetic", overrides=["trainer.stages.0.epochs=2"])
    stages = changed.trainer.options["stages"]
    plain = load_recipe("raznet/synthetic").trainer.options["stages"]
    assert (stages[0].epochs, stages[0].name) == (2, plain[0].name)
    assert stages[1:] == plain[1:]
    with pytest.raises(UsageError, match=r"stages.9: there is no such entry") as caught:
        load_recipe("raznet/synthetic", overrides=["trainer.stages.9.epochs=2"])
    assert caught.value.hint == "entries: 0 to 3"
