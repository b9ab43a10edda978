"""`crowdkit list`: what is installed, without importing it."""

from collections.abc import Iterator
from dataclasses import asdict

import click

from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.registry import list_components
from crowdkit_core.settings import list_recipes
from crowdkit_core.tables import table

RECIPES = ("recipe", "recipes")


@click.command("list")
@click.argument("kind", required=False)
@json_option
def list_components_command(kind: str | None, as_json: bool) -> None:
    """List installed components and recipes, of one KIND or of all.

    Kinds: density_generator counter loss trainer localizer dataset, and recipe.
    """
    if as_json:
        listed = list_recipes() if kind in RECIPES else list_components(kind)
        print_json([asdict(each) for each in listed])
        return
    click.echo(table(list(_rows(kind)), ("kind", "name", "package", "")))


def _rows(kind: str | None) -> Iterator[tuple[str, str, str, str]]:
    if kind not in RECIPES:
        for each in list_components(kind):
            package = f"{each.distribution} {each.version}".strip() or "this process"
            yield each.kind, each.name, package, f"broken: {each.error}" if each.error else ""
    if kind is None or kind in RECIPES:
        for recipe in list_recipes():
            note = f"broken: {recipe.error}" if recipe.error else ""
            package = f"{recipe.distribution} {recipe.version}"
            yield "recipe", recipe.name, package, note
