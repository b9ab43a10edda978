"""`crowdkit data`: look at a data set before training on it."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from crowdkit_core.cli.options import ANNOTATION_FORMATS, set_option
from crowdkit_core.cli.output import json_option, print_json


@click.group("data")
def data() -> None:
    """Work on data sets."""


@data.command("check")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--dataset", "name", help="A dataset by name instead of a folder of images.")
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    help="The points of FOLDER, in the format of any annotation tool; found in it by default.",
)
@set_option
@click.option("--headers-only", is_flag=True, help="Do not decode the images; faster.")
@json_option
def check_command(
    folder: Path | None,
    name: str | None,
    annotations: Path | None,
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
    if annotations is not None and folder is None:
        raise UsageError(
            "--annotations belongs to FOLDER", hint="use --dataset folder --set dataset.annotations"
        )
    if folder is not None:
        # Relative to where the user is, like every path on the command line.
        points = None if annotations is None else annotations.absolute()
        result = check(folder, annotations=points, pixels=not headers_only)
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


@data.command("convert")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--to", help=f"Format to write: {ANNOTATION_FORMATS}; by OUT's ending where it says it."
)
@click.option("--from", "format", help="Format to read; recognised by default.")
@click.option(
    "--head",
    type=click.Choice(["centre", "top"]),
    default="centre",
    show_default=True,
    help="Where the head is in a box without a point: boxes of heads, or of whole people.",
)
@click.option("--label", "labels", multiple=True, help="Only what is labelled so; may be repeated.")
@click.option(
    "--images",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the images, which tells their sizes and full names.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there already.")
@json_option
def convert_command(
    source: Path,
    target: Path,
    to: str | None,
    format: str | None,
    head: Literal["centre", "top"],
    labels: tuple[str, ...],
    images: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the annotations of IN in another format to OUT.

    IN and OUT are files, or folders for a format with a file per image (txt, labelme). Every point
    is carried; what the other format cannot say is listed.
    """
    from crowdkit_core.data.annotations import convert, format_named

    done = convert(
        source,
        target,
        to=format_named(to),
        format=format_named(format),
        point=head,
        labels=labels,
        images=images,
        overwrite=overwrite,
    )
    if as_json:
        print_json(asdict(done))
        return
    click.echo(
        f"{done.points} points of {done.images} images: {source} ({done.source}) -> "
        f"{target} ({done.target})"
    )
    for kind, number in sorted(done.lost.items()):
        click.echo(f"not carried: {kind} ({number})")
