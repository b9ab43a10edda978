"""Recipes: which components run, with which options, and how."""

from crowdkit_core.settings.component import ComponentSettings
from crowdkit_core.settings.environment import environment, hardware
from crowdkit_core.settings.loading import load_recipe, resolve_component, resolve_recipe
from crowdkit_core.settings.overrides import parse_overrides
from crowdkit_core.settings.recipe import Recipe
from crowdkit_core.settings.recipe_files import RecipeInfo, list_grids, list_recipes
from crowdkit_core.settings.run import Precision, RunSettings
from crowdkit_core.settings.writing import recipe_text, write_recipe

__all__ = [
    "ComponentSettings",
    "Precision",
    "Recipe",
    "RecipeInfo",
    "RunSettings",
    "environment",
    "hardware",
    "list_grids",
    "list_recipes",
    "load_recipe",
    "parse_overrides",
    "recipe_text",
    "resolve_component",
    "resolve_recipe",
    "write_recipe",
]
