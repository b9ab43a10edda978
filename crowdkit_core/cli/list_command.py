"""`crowdkit list`: the installed components, without importing them."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.registry import ComponentInfo, list_components
from crowdkit_core.tables import table

if TYPE_CHECKING:
    from crowdkit_core.cards import CardInfo
    from crowdkit_core.settings import RecipeInfo

FILES = ("recipe", "grid", "weights")
"""Kinds of files that packages bring."""


@click.command("list")
@click.argument("kind", required=False)
@click.option(
    "--check",
    is_flag=True,
    help="Import every component, to see which are broken; exit code 1 if any is.",
)
@json_option
def list_components_command(kind: str | None, check: bool, as_json: bool) -> None:
    """List installed components, recipes, grids of runs and weights, of one KIND or of all.

    Kinds: density_generator counter loss trainer localizer dataset metric, and recipe, grid and
    weights.
    """
    kind = kind.removesuffix("s") if kind in ("recipes", "grids") else kind
    components = [] if kind in FILES else list_components(kind, load_errors=check)
    if as_json:
        print_json([asdict(each) for each in (_files(kind) if kind in FILES else components)])
    else:
        click.echo(table(list(_rows(kind, components)), ("kind", "name", "package", "")))
    if check and any(each.error for each in components):
        sys.exit(1)


def _rows(kind: str | None, components: list[ComponentInfo]) -> Iterator[tuple[str, str, str, str]]:
    if kind not in FILES:
        for each in components:
            package = f"{each.distribution} {each.version}".strip() or "this process"
            yield each.kind, each.name, package, f"broken: {each.error}" if each.error else ""
    for what in [what for what in FILES if kind in (None, what)]:
        for file in _files(what):
            note = f"broken: {file.error}" if file.error else getattr(file, "summary", "")
            yield what, file.name, f"{file.distribution} {file.version}", note


def _files(kind: str) -> "list[RecipeInfo] | list[CardInfo]":
    if kind == "weights":
        from crowdkit_core.cards import list_cards  # slow to import

        return list_cards()
    from crowdkit_core.settings import list_grids, list_recipes  # slow to import

    return list_recipes() if kind == "recipe" else list_grids()
