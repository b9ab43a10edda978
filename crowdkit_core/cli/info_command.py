"""`crowdkit info`: a component's options and source, what a counter costs, a card of weights."""

from dataclasses import asdict

import click

from crowdkit_core.cards import InstalledCard, find_card, list_cards
from crowdkit_core.cards.installed import KIND
from crowdkit_core.cli.card_facts import card_dict, format_card
from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json, say_text
from crowdkit_core.errors import UnknownComponentError, UsageError
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
    """Show what the component NAME is, its options and its paper, or what weights NAME are.

    --layers, --size, --device and --set counter.OPTION=VALUE imply --cost.
    """
    card = _card(name, kind)
    kinds = _kinds(name, kind, card)
    if cost or layers or size or device or overrides:
        _show_network(name, kinds or [KIND], layers, size, device, overrides, as_json)
        return
    descriptions = [describe(each, name) for each in kinds]
    if as_json:
        of_card = [] if card is None else [card_dict(card)]
        print_json([*(asdict(description) for description in descriptions), *of_card])
        return
    texts = [] if card is None else [format_card(card)]
    say_text("\n\n".join([*(_text(description) for description in descriptions), *texts]))


def _card(name: str, kind: str | None) -> InstalledCard | None:
    """The card of a name, if weights have it or nothing else is asked for."""
    if kind == KIND:
        return find_card(name)
    bare = name.rpartition(":")[2]
    there = kind is None and any(each.name == bare for each in list_cards())
    return find_card(name) if there else None


def _kinds(name: str, kind: str | None, card: InstalledCard | None) -> list[str]:
    """The kinds of component asked for."""
    if kind is not None:
        return [] if kind == KIND else [kind]
    try:
        return kinds_offering(name)
    except UnknownComponentError:
        if card is None:
            raise
        return []


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
