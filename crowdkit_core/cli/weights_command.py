"""`crowdkit weights`: offer the weights of a run to others, and remove one's own."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.cli.evaluation_options import checked_split
from crowdkit_core.cli.options import device_option

if TYPE_CHECKING:  # brings torch along
    from crowdkit_core.packing import Offered


@click.group("weights")
def weights() -> None:
    """Offer the weights of a run to others, or remove weights of your own."""


def _offer_options(command: Callable[..., None]) -> Any:
    """RUN and what it does not say, given to a command as its ``run`` and ``offered``."""

    @click.argument("run", type=click.Path(file_okay=False, path_type=Path))
    @click.option("--name", default="", help="Of the weights; COUNTER-DATASET by default.")
    @click.option("--summary", default="", help="What they count, in a line.")
    @click.option(
        "--things", default="people", show_default=True, help="What is counted, in the plural."
    )
    @click.option(
        "--default-for",
        multiple=True,
        metavar="WHAT",
        help="What they count by default, such as people. Repeat it for several.",
    )
    @click.option("--terms", default="", help="Terms of use, shown to everyone once.")
    @click.option("--dataset", default="", help="What the data set is called in the card.")
    @click.option(
        "--tested-on",
        multiple=True,
        metavar="SPLIT",
        callback=lambda _context, _option, texts: tuple(map(checked_split, texts)),
        help="Measure errors there too, such as test. Repeat it for several.",
    )
    @click.option("--front-end", default="", help="What the front end started from.")
    @click.option(
        "--command",
        default="crowdkit train recipe.toml",
        show_default=True,
        help="What to type to train them again.",
    )
    @click.option(
        "--from",
        "weights",
        type=click.Choice(["best", "last"]),
        default="best",
        show_default=True,
        help="Which weights of RUN.",
    )
    @click.option("--url", help="Where the file will be on the web, if not in the package.")
    @click.option(
        "--hf",
        metavar="ORG/REPO@REVISION/PATH",
        help="Where the file will be on the Hugging Face hub, if not in the package.",
    )
    @click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="counter.OPTION=VALUE",
        help="Another option of the counter than in RUN, which its weights fit as well.",
    )
    @device_option
    @wraps(command)
    def with_offered(
        run: Path, out: Path | None, device: str | None, overrides: tuple[str, ...], **said: Any
    ) -> None:
        from crowdkit_core.cli.components import only_sections
        from crowdkit_core.packing import Offered
        from crowdkit_core.settings import parse_overrides

        options = only_sections(parse_overrides(overrides), "counter")["counter"]
        command(run=run, out=out, device=device, offered=Offered(**said, counter_options=options))

    return with_offered


@weights.command("card")
@_offer_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the card into this file; it is printed by default.",
)
def card_command(run: Path, out: Path | None, device: str | None, offered: "Offered") -> None:
    """Write the card of RUN, a folder of `crowdkit train` whose data is there still."""
    from crowdkit_core.cards import card_text
    from crowdkit_core.files import atomic_write
    from crowdkit_core.packing import card_of_run

    packed = card_of_run(run, offered, **_counting(device))
    text = card_text(packed.card)
    if out is None:
        click.echo(text, nl=False)
    else:
        with atomic_write(out) as temporary:
            temporary.write_text(text, encoding="utf-8")
    _show(packed.notes)


@weights.command("pack")
@_offer_options
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder for NAME.toml and NAME.safetensors.",
)
def pack_command(run: Path, out: Path, device: str | None, offered: "Offered") -> None:
    """Write the card of RUN, and its weights in half precision."""
    from crowdkit_core.packing import pack_run

    packed = pack_run(run, offered, out, **_counting(device))
    name, size = packed.card.name, packed.card.bytes
    click.echo(f"card: {out / name}.toml")
    click.echo(f"weights: {out / name}.safetensors ({size} bytes)")
    _show(packed.notes)


@weights.command("remove")
@click.argument("name")
def remove_command(name: str) -> None:
    """Remove your own weights NAME, which `crowdkit finetune` made."""
    from crowdkit_core.cards import remove_own

    remove_own(name.removeprefix("own:"))
    click.echo(f"removed: {name}")


def _counting(device: str | None) -> dict[str, Any]:
    from crowdkit_core.cli.components import chosen_device
    from crowdkit_core.registry.hooks import hooks

    return {"device": chosen_device(device), "progress": hooks().evaluation_progress}


def _show(notes: tuple[str, ...]) -> None:
    for note in notes:
        click.echo(f"crowdkit: {note}", err=True)
