"""`crowdkit density`: make a target map, picture it, compare its sum with the number of points."""

from pathlib import Path

import click

from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json


@click.command("density")
@click.option("--dataset", "dataset_name", default="synthetic", show_default=True)
@click.option("--index", default=0, show_default=True, help="Which image of the data set.")
@click.option("--density-generator", "generator_name", default="fixed", show_default=True)
@click.option("--stride", default=1, show_default=True, type=click.IntRange(min=1))
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
    generator_name: str,
    stride: int,
    overrides: tuple[str, ...],
    output: Path,
    as_json: bool,
) -> None:
    """Make the density map of one image of a data set."""
    from crowdkit_core.cli.components import only_sections
    from crowdkit_core.errors import UsageError
    from crowdkit_core.registry import create
    from crowdkit_core.settings import parse_overrides
    from crowdkit_core.visual import save, target_picture

    options = only_sections(parse_overrides(overrides), "dataset", "density_generator")
    dataset = create("dataset", dataset_name, **{"split": "all", **options["dataset"]})
    generator = create("density_generator", generator_name, **options["density_generator"])
    if not 0 <= index < len(dataset):
        raise UsageError(f"--index {index}: the data set has images 0 to {len(dataset) - 1}")
    sample = dataset[index]
    made = generator([sample.points.as_subclass(_tensor())], sample.size, stride=stride)[0, 0]
    total = float(made.double().sum())
    figure = target_picture(sample.image, points=sample.points, density=made, stride=stride)
    save(figure, output)
    report = {
        "image": sample.name,
        "points": len(sample.points),
        "sum": total,
        "stride": stride,
        "cells": list(made.shape),
        "picture": str(output),
    }
    if as_json:
        print_json(report)
        return
    click.echo(f"{sample.name}: {len(sample.points)} points, map sums to {total:.4f}")
    click.echo(f"{made.shape[0]} x {made.shape[1]} cells at stride {stride}; picture: {output}")


def _tensor() -> type:
    import torch

    return torch.Tensor
