"""Check the recipes and grids of a distribution: their names exist and their parts fit."""

from collections.abc import Iterator

from crowdkit_core.errors import CrowdkitError
from crowdkit_core.grid import load_grid
from crowdkit_core.registry import load
from crowdkit_core.registry.options import parameters
from crowdkit_core.settings import Recipe, list_grids, list_recipes, load_recipe
from crowdkit_core.settings.layers import sections
from crowdkit_core.settings.recipe_files import read_recipe_table
from crowdkit_core.testing.runner import in_a_line, names_of_sound
from crowdkit_core.training import require_parts_fit


def check_recipes(distribution: str) -> list[str]:
    """Check every recipe of a distribution, and the first run of every grid; needs no data.

    Args:
        distribution: Its name, such as ``crowdkit-mcnn``.

    Returns:
        The names of its recipes and grids.

    Raises:
        ConformanceError: One names a component or an option that does not exist, or its parts do
            not fit together; names all such.
    """
    return names_of_sound(recipe_problems(distribution))


def recipe_problems(distribution: str) -> Iterator[tuple[str, str]]:
    """Each recipe and grid of a distribution, and what is wrong with it; empty if nothing is."""
    for each in (*list_recipes(), *list_grids()):
        if each.distribution != distribution:
            continue
        try:
            require_parts_fit(_recipe(each.name))
        except CrowdkitError as error:
            yield each.name, in_a_line(error)
        else:
            yield each.name, ""


def _recipe(name: str) -> Recipe:
    overrides = ["dataset.root=nowhere"] if _has_root(name) else []
    if any(grid.name == name for grid in list_grids()):
        return load_grid(name, overrides=overrides).runs[0].recipe
    return load_recipe(name, overrides=overrides)


def _has_root(name: str) -> bool:
    dataset = sections(read_recipe_table(name)).get("dataset", {}).get("name", "synthetic")
    return "root" in parameters(load("dataset", dataset), f"dataset {dataset!r}")
