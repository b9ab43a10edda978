"""`crowdkit density`: density maps of an image side by side, and their sums."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from crowdkit_core.visual import ShownMap


@click.command("density")
@click.option("--dataset", "dataset_name", default="synthetic", show_default=True)
@click.option("--index", default=0, show_default=True, help="Which image of the data set.")
@click.option(
    "--density-generator",
    "generators",
    multiple=True,
    metavar="NAME",
    help="What makes the map; fixed by default. Repeat it to compare several, each a name or"
    " LABEL={name = NAME, OPTION = VALUE, ...}; weights = FILE loads a learnt one.",
)
@click.option("--stride", default=1, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--prediction",
    "predictions",
    multiple=True,
    metavar="LABEL=WEIGHTS",
    help="Also show what the counter of a weights file predicts. Repeat it for several.",
)
@click.option("--details", is_flag=True, help="Also show what a map was made from, if it tells.")
@set_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("density.png"),
    show_default=True,
    help="Where the picture goes.",
)
@json_option
def density(
    dataset_name: str,
    index: int,
    generators: tuple[str, ...],
    stride: int,
    predictions: tuple[str, ...],
    details: bool,
    overrides: tuple[str, ...],
    output: Path,
    as_json: bool,
) -> None:
    """Make density maps of one image of a data set, and picture them side by side."""
    from torch import Tensor

    from crowdkit_core.cli.components import only_sections
    from crowdkit_core.cli.density_maps import MapMaker, predicted_map
    from crowdkit_core.errors import UsageError
    from crowdkit_core.registry import create
    from crowdkit_core.settings import parse_overrides
    from crowdkit_core.visual import compare_maps, save

    options = only_sections(parse_overrides(overrides), "dataset", "density_generator")
    if not generators and not predictions:
        generators = ("fixed",)
    of_dataset = {"split": "all", **options["dataset"]}
    makers = [
        MapMaker.parse(text, options["density_generator"], dataset_name, of_dataset)
        for text in generators
    ]
    dataset = create("dataset", dataset_name, **of_dataset)
    if not 0 <= index < len(dataset):
        raise UsageError(f"--index {index}: the data set has images 0 to {len(dataset) - 1}")
    sample = dataset[index]
    maps = [maker.make(sample, stride, details=details) for maker in makers]
    maps += [predicted_map(text, sample, details=details) for text in predictions]
    points = sample.points.as_subclass(Tensor)
    save(compare_maps(sample.image, maps, points=points), output)
    if as_json:
        listed = [_facts(each) for each in maps]
        first = {key: listed[0][key] for key in ("sum", "stride", "cells")}
        of_image = {"image": sample.name, "points": len(points)}
        print_json({**of_image, **first, "maps": listed, "picture": str(output)})
        return
    say(f"{sample.name}: {len(points)} points; picture: {output}")
    for each in maps:
        rows, columns = each.density.shape
        click.echo(
            f"{each.label}: sums to {each.total:.4f}; {rows} x {columns} cells at stride"
            f" {each.stride}"
        )


def _facts(shown: "ShownMap") -> dict[str, object]:
    return {
        "label": shown.label,
        "sum": shown.total,
        "stride": shown.stride,
        "cells": list(shown.density.shape),
    }
