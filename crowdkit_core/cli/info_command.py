"""`crowdkit info`: one component's options and source."""

from dataclasses import asdict

import click

from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.registry import Description, describe, kinds_offering
from crowdkit_core.tables import table


@click.command("info")
@click.argument("name")
@click.option("--kind", help="Only this kind, where several have the name.")
@json_option
def info(name: str, kind: str | None, as_json: bool) -> None:
    """Show what the component NAME is, its options and its paper."""
    kinds = [kind] if kind else kinds_offering(name)
    descriptions = [describe(each, name) for each in kinds]
    if as_json:
        print_json([asdict(description) for description in descriptions])
        return
    click.echo("\n\n".join(_text(description) for description in descriptions))


def _text(description: Description) -> str:
    package = f"{description.distribution} {description.version}".strip() or "this process"
    title = f"{description.kind} {description.name}  ({package}, {description.value})"
    parts = [title, "", description.documentation]
    if description.options:
        rows = [
            (option.name, option.type, option.default if not option.required else "(required)")
            for option in description.options
        ]
        parts += ["", table(rows, ("option", "type", "default"))]
    return "\n".join(parts)
