"""`crowdkit list`: the installed components, without importing them."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.errors import UsageError
from crowdkit_core.registry import ComponentInfo, list_components
from crowdkit_core.registry.kinds import KINDS
from crowdkit_core.spelling import did_you_mean
from crowdkit_core.tables import table

if TYPE_CHECKING:
    from crowdkit_core.cards import CardInfo
    from crowdkit_core.settings import RecipeInfo

    Listed = ComponentInfo | RecipeInfo | CardInfo

FILES = ("recipe", "grid", "weights")
"""Kinds of files that packages bring."""


@click.command("list")
@click.argument("kind", required=False)
@click.option(
    "--check",
    is_flag=True,
    help="Import every component and look at the files of weights, to see which are broken; exit "
    "code 1 if any is.",
)
@json_option
def list_components_command(kind: str | None, check: bool, as_json: bool) -> None:
    """List installed components, recipes, grids of runs and weights, of one KIND or of all.

    Kinds: density_generator counter loss trainer localizer dataset metric tracker, and recipe, grid
    and weights. Of all kinds, --json gives the components.
    """
    kind = kind.removesuffix("s") if kind in ("recipes", "grids") else kind
    listed = list(_listed(kind, check, with_files=not as_json))
    if as_json:
        print_json([_dict(what, each) for what, each in listed])
    else:
        rows = [_row(what, each) for what, each in listed]
        click.echo(table(rows, ("kind", "name", "package", "")))
    if check and any(each.error for _, each in listed):
        sys.exit(1)


def _listed(kind: str | None, check: bool, *, with_files: bool) -> Iterator[tuple[str, "Listed"]]:
    """What there is of a kind, or of all kinds; of all, files only if they are wanted."""
    if kind not in (None, *FILES) and kind.replace("-", "_") not in KINDS:
        known = [*KINDS, *FILES]
        guess = did_you_mean(kind, known, before="; ")
        raise UsageError(f"no kind named {kind!r}{guess}", hint=f"kinds: {', '.join(known)}")
    if kind not in FILES:
        for component in list_components(kind, load_errors=check):
            yield component.kind, component
    for what in FILES:
        if kind == what or (kind is None and with_files):
            for file in _files(what, check):
                yield what, file


def _row(kind: str, listed: "Listed") -> tuple[str, str, str, str]:
    package = f"{listed.distribution} {listed.version}".strip() or "this process"
    note = f"broken: {listed.error}" if listed.error else getattr(listed, "summary", "")
    return kind, listed.name, package, note


def _dict(kind: str, listed: Any) -> dict[str, Any]:
    if kind == "weights":
        from crowdkit_core.cli.card_facts import listed_dict

        return listed_dict(listed)
    return asdict(listed)


def _files(kind: str, check: bool) -> "list[RecipeInfo] | list[CardInfo]":
    if kind == "weights":
        from crowdkit_core.cards import check_cards, list_cards  # slow to import

        return check_cards() if check else list_cards()
    from crowdkit_core.settings import list_grids, list_recipes  # slow to import

    return list_recipes() if kind == "recipe" else list_grids()
