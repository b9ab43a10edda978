"""`crowdkit info`: one component's options and source, and what a counter costs."""

from dataclasses import asdict

import click

from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.errors import UsageError
from crowdkit_core.registry import Description, describe, kinds_offering
from crowdkit_core.tables import table


@click.command("info")
@click.argument("name")
@click.option("--kind", help="Only this kind, where several have the name.")
@click.option("--cost", is_flag=True, help="Build a counter: its maps, parameters and work.")
@click.option("--layers", is_flag=True, help="The same layer by layer.")
@click.option(
    "--size", metavar="HxW", help="Of the image the work is counted for; 384x512 by default."
)
@click.option(
    "--device", help="Count on cpu, cuda, ...; by default shapes alone are followed, in no time."
)
@set_option
@json_option
def info(
    name: str,
    kind: str | None,
    cost: bool,
    layers: bool,
    size: str | None,
    device: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show what the component NAME is, its options and its paper.

    --layers, --size, --device and --set counter.OPTION=VALUE imply --cost.
    """
    kinds = [kind] if kind else kinds_offering(name)
    if cost or layers or size or device or overrides:
        _show_network(name, kinds, layers, size, device, overrides, as_json)
        return
    descriptions = [describe(each, name) for each in kinds]
    if as_json:
        print_json([asdict(description) for description in descriptions])
        return
    click.echo("\n\n".join(_text(description) for description in descriptions))


def _show_network(
    name: str,
    kinds: list[str],
    layers: bool,
    size: str | None,
    device: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Build a counter and show its cost."""
    from crowdkit_core.cli.components import chosen_device, only_sections
    from crowdkit_core.cli.network_facts import format_network, image_size, network_dict
    from crowdkit_core.networks.cost import DEFAULT_SIZE, measure_cost
    from crowdkit_core.registry import create
    from crowdkit_core.settings import parse_overrides

    if "counter" not in kinds:
        raise UsageError(f"--cost: {name!r} is a {kinds[0]}, expected a counter")
    image = image_size(size) if size else DEFAULT_SIZE
    options = only_sections(parse_overrides(overrides), "counter")
    counter = create("counter", name, **options["counter"])
    measured = measure_cost(counter, image, device=chosen_device(device) if device else "meta")
    description = describe("counter", name)
    if as_json:
        print_json([{**asdict(description), "network": network_dict(counter, measured)}])
        return
    click.echo(_title(description))
    click.echo(f"{description.summary}\n")
    click.echo(format_network(counter, measured, layers=layers))


def _title(description: Description) -> str:
    package = f"{description.distribution} {description.version}".strip() or "this process"
    return f"{description.kind} {description.name}  ({package}, {description.value})"


def _text(description: Description) -> str:
    parts = [_title(description), "", description.documentation]
    if description.options:
        rows = [
            (option.name, option.type, option.default if not option.required else "(required)")
            for option in description.options
        ]
        parts += ["", table(rows, ("option", "type", "default"))]
    return "\n".join(parts)
