"""`crowdkit list`: what is installed, without importing it."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.registry import list_components
from crowdkit_core.tables import table

if TYPE_CHECKING:
    from crowdkit_core.settings import RecipeInfo

FILES = ("recipe", "grid")
"""Kinds of files that packages bring."""


@click.command("list")
@click.argument("kind", required=False)
@json_option
def list_components_command(kind: str | None, as_json: bool) -> None:
    """List installed components, recipes and grids of runs, of one KIND or of all.

    Kinds: density_generator counter loss trainer localizer dataset metric, and recipe and grid.
    """
    kind = kind.removesuffix("s") if kind in ("recipes", "grids") else kind
    if as_json:
        listed = _files(kind) if kind in FILES else list_components(kind)
        print_json([asdict(each) for each in listed])
        return
    click.echo(table(list(_rows(kind)), ("kind", "name", "package", "")))


def _rows(kind: str | None) -> Iterator[tuple[str, str, str, str]]:
    if kind not in FILES:
        for each in list_components(kind):
            package = f"{each.distribution} {each.version}".strip() or "this process"
            yield each.kind, each.name, package, f"broken: {each.error}" if each.error else ""
    for what in [what for what in FILES if kind in (None, what)]:
        for file in _files(what):
            note = f"broken: {file.error}" if file.error else ""
            yield what, file.name, f"{file.distribution} {file.version}", note


def _files(kind: str) -> "list[RecipeInfo]":
    from crowdkit_core.settings import list_grids, list_recipes  # slow to import

    return list_recipes() if kind == "recipe" else list_grids()
