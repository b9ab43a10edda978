"""`crowdkit list`: what is installed, without importing it."""

from dataclasses import asdict

import click

from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.registry import ComponentInfo, list_components
from crowdkit_core.tables import table


@click.command("list")
@click.argument("kind", required=False)
@json_option
def list_components_command(kind: str | None, as_json: bool) -> None:
    """List installed components, of one KIND or of all.

    Kinds: density_generator counter loss trainer localizer dataset.
    """
    components = list_components(kind)
    if as_json:
        print_json([asdict(component) for component in components])
        return
    rows = [_row(component) for component in components]
    click.echo(table(rows, ("kind", "name", "package", "")))


def _row(component: ComponentInfo) -> tuple[str, str, str, str]:
    package = f"{component.distribution} {component.version}".strip() or "this process"
    note = f"broken: {component.error}" if component.error else ""
    return component.kind, component.name, package, note
