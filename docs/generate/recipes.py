"""The page of recipes and grids of runs that are installed."""

from collections.abc import Iterator, Mapping
from typing import Any

from crowdkit_core.grid import load_grid
from crowdkit_core.registry import describe
from crowdkit_core.settings import RecipeInfo, list_grids, list_recipes, load_recipe
from crowdkit_core.settings.recipe_files import read_recipe_table
from generate.markdown import page, table
from generate.papers import paper_link

SECTIONS = ("counter", "density_generator", "loss", "trainer", "dataset")


def recipes_page() -> str:
    """Every recipe with its parts, every grid with its axes."""
    header = ("recipe", *(section.replace("_", " ") for section in SECTIONS), "package")
    return page(
        "# Recipes and grids",
        "A recipe names the parts of a run and their options: `crowdkit train RECIPE` follows it,"
        " `crowdkit train RECIPE --dry-run` prints it whole, and `--set` changes any of it."
        " Those of real data need `--set dataset.root=DIR`.",
        "## Recipes",
        table(header, map(_recipe, list_recipes())),
        "## Grids",
        "A [grid](../grids.md) is many runs in one table:"
        " `crowdkit grid GRID --set dataset.root=DIR --output DIR`, and `--dry-run` to see which.",
        table(("grid", "axes", "runs", "package"), map(_grid, list_grids())),
    )


def _recipe(info: RecipeInfo) -> tuple[str, ...]:
    recipe = load_recipe(info.name, overrides=_needed(read_recipe_table(info.name)))
    parts = (getattr(recipe, section).name for section in SECTIONS)
    return (f"`{info.name}`", *parts, paper_link(info.distribution))


def _grid(info: RecipeInfo) -> tuple[str, ...]:
    grid = load_grid(info.name, overrides=_needed(read_recipe_table(info.name)))
    axes = "; ".join(f"{name}: {', '.join(labels)}" for name, labels in grid.axes.items())
    replicate = f"{axes}; " * bool(axes) + f"several of `{grid.replicate}`"
    return f"`{info.name}`", replicate, str(len(grid.runs)), paper_link(info.distribution)


def _needed(table: Mapping[str, Any]) -> list[str]:
    """Settings that the recipe leaves to whoever runs it."""
    return list(_missing(table.get("dataset", "synthetic")))


def _missing(section: Mapping[str, Any] | str) -> Iterator[str]:
    given = {"name": section} if isinstance(section, str) else section
    for option in describe("dataset", given["name"]).options:
        if option.required and option.name not in given:
            yield f"dataset.{option.name}=DIR"
