"""`crowdkit finetune`: train on from weights with a few images, and offer the result by name."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.cli.interruption import kept_in, resumable
from crowdkit_core.cli.options import device_option, set_option
from crowdkit_core.cli.output import json_option, print_json, say, say_text
from crowdkit_core.tables import table

if TYPE_CHECKING:  # imports torch
    from crowdkit_core.finetuning import Finetuned


@click.command("finetune")
@click.argument("weights")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="What the new weights are called; WEIGHTS-mine by default.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The run's folder; runs/DATE_finetune_NAME by default.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Passes over the images; by default as many as take minutes on a CPU.",
)
@click.option(
    "--held-out",
    type=click.IntRange(min=0),
    metavar="EVERY",
    help="Every how many images one is held out to judge by, 0 for none; by default every fourth, "
    "and of two or three images the last.",
)
@click.option("--counter", help="Which counter, where the weights do not say it.")
@set_option
@device_option
@click.option("--resume", is_flag=True, help="Go on with the run in --output.")
@json_option
def finetune_command(
    weights: str,
    folder: Path,
    name: str | None,
    output: Path | None,
    epochs: int | None,
    held_out: int | None,
    counter: str | None,
    overrides: tuple[str, ...],
    device: str | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Train on from WEIGHTS with the images of FOLDER and their points.

    WEIGHTS are the name of installed ones or a file, FOLDER is what the data set `folder` reads:
    images, each with a text file of its points beside it. Some images are held out; only weights
    that are nearer on those are offered, by --name, wherever weights are asked for.
    """
    from crowdkit_core.cli.components import chosen_device
    from crowdkit_core.errors import UsageError
    from crowdkit_core.finetuning import finetune, suggested_name
    from crowdkit_core.settings.run_names import dated_folder

    if resume and output is None:
        raise UsageError("--resume needs --output, the folder of the run to go on with")
    name = name or suggested_name(weights)
    directory = output or dated_folder("finetune", name)
    with resumable(lambda: kept_in(directory, "the same command and")):
        result = finetune(
            weights,
            folder,
            name=name,
            output=directory,
            epochs=epochs,
            held_out=held_out,
            settings=overrides,
            counter=counter,
            device=chosen_device(device),
            resume=resume,
        )
    if as_json:
        print_json(_as_dict(result))
    else:
        _show(result)


def _as_dict(result: "Finetuned") -> dict[str, Any]:
    return {
        "name": result.name,
        "run": result.directory,
        "began_as": result.began_as,
        "improved": result.improved,
        "before": result.before and asdict(result.before),
        "after": result.after and asdict(result.after),
        "trained": result.trained,
        "held_out": [asdict(each) for each in result.held_out],
        "epochs": len(result.history),
        "notes": result.notes,
    }


def _show(result: "Finetuned") -> None:
    from crowdkit_core.cli.card_facts import mean_error

    say(f"trained: {len(result.trained)} images, {len(result.history)} epochs")
    if result.held_out:
        rows = [
            (each.image, f"{each.actual:g}", f"{each.before:.1f}", _count(each.after))
            for each in result.held_out
        ]
        say_text(f"\n{table(rows, ('held out', 'marked', 'before', 'after'))}\n")
    if result.before is not None and result.after is not None:
        say(f"before: {mean_error(result.before)} on the held-out images")
        say(f"after:  {mean_error(result.after)}")
    for note in result.notes:
        say(f"note: {note}")
    say(f"run: {result.directory}")
    if result.name:
        say(f"weights: {result.name}  (crowdkit count photo.jpg --weights {result.name})")


def _count(count: float | None) -> str:
    return "" if count is None else f"{count:.1f}"
