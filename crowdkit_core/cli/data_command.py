"""`crowdkit data`: check a data set, or convert its annotations."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from crowdkit_core.cli.columns import columns_of, columns_option
from crowdkit_core.cli.options import (
    ANNOTATION_FORMATS,
    ONLY_READ_FORMATS,
    pixel_size_option,
    planes_option,
    set_option,
)
from crowdkit_core.cli.output import json_option, print_json, say

if TYPE_CHECKING:  # imports torch
    from crowdkit_core.data.annotations import Conversion, Planes, Update
    from crowdkit_core.data.datasets.exporting import Export


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
    from crowdkit_core.cli.data_export import dataset_settings, folder_options
    from crowdkit_core.data import check
    from crowdkit_core.errors import UsageError
    from crowdkit_core.registry import create

    if (folder is None) == (name is None):
        raise UsageError("give either a folder or --dataset NAME")
    if annotations is not None and folder is None:
        raise UsageError(
            "--annotations belongs to FOLDER",
            hint="write it as --set dataset.annotations=FILE",
        )
    if folder is not None:
        # Relative to where the user is, like every path on the command line.
        points = None if annotations is None else annotations.absolute()
        reserved = {"root": "FOLDER", "split": "all images"}
        if annotations is not None:
            reserved["annotations"] = "--annotations"
        result = check(
            folder,
            annotations=points,
            pixels=not headers_only,
            options=folder_options(overrides, reserved=reserved),
        )
    else:
        settings = dataset_settings(str(name), overrides)
        dataset = create("dataset", settings.name, **{**settings.options, "split": "all"})
        result = check(dataset, pixels=not headers_only)
    if as_json:
        print_json({**asdict(result), "ok": result.ok})
    else:
        for finding in result.findings:
            say(f"{'error' if finding.is_error else 'note '}  {finding.message}")
        spread = "" if result.least is None else f", {result.least} to {result.most} an image"
        click.echo(f"{result.images} images, {result.people} people{spread}")
        click.echo("all readable" if result.ok else "not usable as it is", err=not result.ok)
    sys.exit(0 if result.ok else 1)


@data.command("convert")
@click.argument(
    "places", metavar="[IN] OUT", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--dataset", "name", help="A dataset by name instead of IN.")
@set_option
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    help="Only one split of the dataset; all that it has by default.",
)
@click.option(
    "--to", help=f"Format to write: {ANNOTATION_FORMATS}; by OUT's ending where it says it."
)
@click.option(
    "--from",
    "format",
    help=f"Format of IN, one of these, {ONLY_READ_FORMATS}; recognised by default.",
)
@click.option(
    "--head",
    type=click.Choice(["centre", "top"]),
    show_default="centre",
    help="Where the head is in a box of IN without a point: boxes of heads, or of whole people.",
)
@click.option("--label", "labels", multiple=True, help="Only what IN labels so; may be repeated.")
@click.option(
    "--images",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the images of IN, which tells their sizes and full names.",
)
@columns_option
@pixel_size_option
@planes_option
@click.option(
    "--update",
    metavar="CORRECTED",
    type=click.Path(path_type=Path),
    help="Corrected annotations, in any format, of some images of IN: all their points take the "
    "place of IN's, and the other images stay as they are.",
)
@click.option("--add", is_flag=True, help="Add images of CORRECTED that IN does not have.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there already.")
@json_option
def convert_command(
    places: tuple[Path, ...],
    name: str | None,
    overrides: tuple[str, ...],
    split: Literal["train", "validation", "test"] | None,
    to: str | None,
    format: str | None,
    head: Literal["centre", "top"] | None,
    labels: tuple[str, ...],
    images: Path | None,
    columns: str | None,
    pixel_size: float | None,
    planes: "Planes | None",
    update: Path | None,
    add: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the annotations of IN, or of a dataset, in another format to OUT.

    IN and OUT are files, or folders for a format with a file per image (txt, labelme, napari,
    yolo, voc, ...); IN may be a folder of images with their annotations, found as `crowdkit data
    check` finds them. Of a dataset (--dataset NAME --set dataset.root=DIR OUT) images are named by
    their path below its root, and heads whose size it knows get boxes. Every point is carried; what
    the other format cannot say is listed. With --update, corrections of some images, as a labelling
    tool exports them, are brought into the annotations of all.
    """
    from crowdkit_core.cli.data_export import dataset_settings, export_dataset
    from crowdkit_core.data.annotations import convert, format_named
    from crowdkit_core.errors import UsageError

    if len(places) != (2 if name is None else 1):
        raise UsageError(
            f"{len(places)} places given, expected IN OUT, or --dataset NAME OUT",
            hint="OUT is where to write; IN is what to read where there is no --dataset",
        )
    target, wanted = places[-1], format_named(to)
    if name is not None:
        of_files = {"--from": format, "--head": head, "--label": labels, "--images": images}
        of_tables = {"--columns": columns, "--pixel-size": pixel_size, "--planes": planes}
        _refuse("IN", {**of_files, **of_tables, "--update": update, "--add": add})
        settings = dataset_settings(name, overrides)
        exported, missing = export_dataset(
            settings, target, split=split, to=wanted, overwrite=overwrite
        )
        for each, why in missing.items():
            say(f"no split {each}: {why}", err=True)
        splits = ", ".join(f"{each} {number}" for each, number in exported.splits.items())
        _tell(exported, name, splits, target, as_json)
        return
    _refuse("--dataset", {"--set": overrides, "--split": split})
    if update is None:
        _refuse("--update", {"--add": add})
    done = convert(
        places[0],
        target,
        to=wanted,
        format=format_named(format),
        point=head or "centre",
        labels=labels,
        images=images,
        columns=columns_of(columns),
        pixel_size=pixel_size,
        planes=planes or "one",
        update=update,
        add=add,
        overwrite=overwrite,
    )
    _tell(done, str(places[0]), done.source, target, as_json)
    if done.update is not None and not as_json:
        _tell_update(done.update)


def _tell_update(update: "Update") -> None:
    """How many images and points a correction replaced, added and left alone."""
    before, now = (sum(each[i] for each in update.replaced.values()) for i in (0, 1))
    say(f"replaced: {len(update.replaced)} images, {before} points by {now}")
    for kind, points in (("added", update.added), ("unchanged", update.unchanged)):
        say(f"{kind}: {len(points)} images, {sum(points.values())} points")


def _refuse(owner: str, options: Mapping[str, object]) -> None:
    """Refuse options that go with something else."""
    from crowdkit_core.errors import UsageError

    for option, value in options.items():
        if value:
            raise UsageError(f"{option} goes with {owner} alone")


def _tell(
    done: "Conversion | Export", source: str, about: str, target: Path, as_json: bool
) -> None:
    if as_json:
        print_json({"source": source, **asdict(done)})
        return
    say(
        f"{done.points} points of {done.images} images: {source} ({about}) -> "
        f"{target} ({done.target})"
    )
    for kind, number in sorted(done.lost.items()):
        say(f"not carried: {kind} ({number})")
