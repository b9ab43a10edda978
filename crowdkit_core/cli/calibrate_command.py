"""`crowdkit calibrate`: learn from annotated images how far off counts are."""

from pathlib import Path
from typing import get_args

import click

from crowdkit_core.cli.options import device_option, set_option, tile_option
from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.cli.sizing import long_side_option, scale_option
from crowdkit_core.cli.stack_options import CommandWithRange, range_option, range_settings


@click.command("calibrate", cls=CommandWithRange)
@click.argument("model", metavar="MODEL")
@click.argument("dataset", metavar="DATASET")
@click.option("--counter", "counter_name", help="Which counter; default: MODEL says it.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="calibration.json",
    show_default=True,
    help="The file to write, for `crowdkit count --calibration`.",
)
@click.option("--split", default="all", show_default=True, help="train, validation, test or all.")
@range_option
@scale_option
@long_side_option
@tile_option
@device_option
@set_option
@click.option("--level", default=0.9, show_default=True, help="Of the intervals that are shown.")
@json_option
def calibrate_command(
    model: str,
    dataset: str,
    counter_name: str | None,
    output: Path,
    split: str,
    value_range: str | None,
    scale: float | None,
    long_side: int | None,
    tile: str,
    device: str | None,
    overrides: tuple[str, ...],
    level: float,
    as_json: bool,
) -> None:
    """Learn intervals for the counts of MODEL from annotated images that it was not trained on.

    MODEL is a file of weights, or the name of installed ones. DATASET is a folder of images with
    their points, or the name of a dataset; 20 images suffice for a level of 90 %, if they are like
    those to be counted.
    """
    from dataclasses import asdict, replace
    from statistics import median

    from crowdkit_core.cli.components import chosen_device, only_sections, tile_side
    from crowdkit_core.cli.sizing import chosen_sizing
    from crowdkit_core.errors import UsageError
    from crowdkit_core.inference import calibrate, load_model, write_calibration
    from crowdkit_core.inference.interval import images_needed
    from crowdkit_core.inference.sources import Reading
    from crowdkit_core.interfaces import Split
    from crowdkit_core.registry import create
    from crowdkit_core.registry.hooks import hooks
    from crowdkit_core.settings import parse_overrides

    if split not in get_args(Split):
        raise UsageError(f"--split {split!r}: expected one of {', '.join(get_args(Split))}")
    images_needed(level)  # before any work
    options = only_sections(
        parse_overrides([*overrides, *range_settings(value_range)]), "counter", "dataset"
    )
    of_dataset = {**options["dataset"], "split": split}
    if Path(dataset).is_dir():
        images = create("dataset", "folder", **{**of_dataset, "root": dataset})
    else:
        images = create("dataset", dataset, **of_dataset)
    made = load_model(
        model, counter=counter_name, options=options["counter"], device=chosen_device(device)
    )
    sizing = chosen_sizing(made.sizing, scale=scale, long_side=long_side)
    if "value_range" in of_dataset:
        made = replace(made, reading=Reading(value_range=images.value_range))
    made = replace(made, sizing=sizing, tile=tile_side(tile))
    known = calibrate(made, images, progress=hooks().evaluation_progress)
    write_calibration(output, known)
    middle = median(known.predicted)
    interval = known.interval(middle, level)
    if as_json:
        facts = {"file": output, "images": len(known.actual), "count": middle}
        print_json({**facts, "interval": None if interval is None else asdict(interval)})
    else:
        shown = "no interval" if interval is None else str(interval)
        click.echo(f"{output}: {len(known.actual)} images; {middle:.0f} people ({shown})")
