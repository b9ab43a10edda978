"""`crowdkit plugin`: start a plugin, check a plugin."""

from pathlib import Path

import click

from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.errors import CrowdkitError
from crowdkit_core.scaffold import SCAFFOLD_KINDS, write_plugin


@click.group("plugin")
def plugin() -> None:
    """Write a plugin, or check one."""


@plugin.command("new")
@click.argument("name")
@click.option(
    "--kind", default="counter", show_default=True, help=f"One of: {', '.join(SCAFFOLD_KINDS)}."
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where the folder crowdkit-NAME is made; here by default.",
)
def new(name: str, kind: str, directory: Path) -> None:
    """Write a plugin package NAME that installs and passes its tests as it is."""
    folder = write_plugin(name, kind=kind, parent=directory)
    click.echo(f"wrote {folder}")
    click.echo(f"next: pip install -e '{folder}[testing]' && crowdkit plugin check {name}")


@plugin.command("check")
@click.argument("name")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KIND.OPTION=VALUE",
    help="An option a component needs to be created, such as dataset.root=DIR.",
)
@json_option
def check(name: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Run the conformance kit on all components, recipes and weights of the plugin NAME.

    NAME is a distribution (crowdkit-mcnn), its short name (mcnn), or a component of it.
    """
    from crowdkit_core.settings import parse_overrides
    from crowdkit_core.testing.plugins import check_plugin

    results = check_plugin(name, parse_overrides(overrides))
    if as_json:
        print_json([result.as_dict() for result in results])
    else:
        for result in results:
            click.echo(result.line())
    failed = sum(not result.passed for result in results)
    if failed:
        raise CrowdkitError(f"{name}: {failed} of {len(results)} checks failed")
    click.echo(f"{name}: all {len(results)} checks passed", err=as_json)
