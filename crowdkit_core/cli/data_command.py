"""`crowdkit data`: look at a data set before training on it."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json


@click.group("data")
def data() -> None:
    """Work on data sets."""


@data.command("check")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--dataset", "name", help="A dataset by name instead of a folder of images.")
@set_option
@click.option("--headers-only", is_flag=True, help="Do not decode the images; faster.")
@json_option
def check_command(
    folder: Path | None,
    name: str | None,
    overrides: tuple[str, ...],
    headers_only: bool,
    as_json: bool,
) -> None:
    """Report bad files, points outside or swapped, duplicates and images without people.

    Exit code 1 if anything found is an error.
    """
    from crowdkit_core.cli.components import only_sections
    from crowdkit_core.data import check
    from crowdkit_core.errors import UsageError
    from crowdkit_core.registry import create
    from crowdkit_core.settings import parse_overrides

    if (folder is None) == (name is None):
        raise UsageError("give either a folder or --dataset NAME")
    options = only_sections(parse_overrides(overrides), "dataset")["dataset"]
    if folder is not None and options:
        raise UsageError("--set belongs to --dataset", hint="use --dataset folder --set ...")
    if folder is not None:
        result = check(folder, pixels=not headers_only)
    else:
        dataset = create("dataset", str(name), **options, split="all")
        result = check(dataset, pixels=not headers_only)
    if as_json:
        print_json({**asdict(result), "ok": result.ok})
    else:
        for finding in result.findings:
            click.echo(f"{'error' if finding.is_error else 'note '}  {finding.message}")
        spread = "" if result.least is None else f", {result.least} to {result.most} an image"
        click.echo(f"{result.images} images, {result.people} people{spread}")
        click.echo("all readable" if result.ok else "not usable as it is", err=not result.ok)
    sys.exit(0 if result.ok else 1)
