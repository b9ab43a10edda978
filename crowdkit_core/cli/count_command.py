"""`crowdkit count`: count the people in images."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from crowdkit_core.cli.options import (
    ANNOTATION_FORMATS,
    device_option,
    halo_option,
    set_option,
    tile_option,
)
from crowdkit_core.cli.output import json_option, print_json
from crowdkit_core.errors import DataError

FolderPath = click.Path(file_okay=False, path_type=Path)
FilePath = click.Path(dir_okay=False, path_type=Path)


@click.command("count")
@click.argument("paths", nargs=-1, required=True)
@click.option("--counter", "counter_name", help="Which counter; default: the weights file says it.")
@click.option("--weights", type=FilePath, help="Its weights.")
@click.option("--localizer", "localizer_name", help="Also find points, with this localizer.")
@click.option("--roi", type=FilePath, help="Count only inside: JSON polygons or a mask image.")
@tile_option
@halo_option
@device_option
@set_option
@click.option("--csv", type=FilePath, help="Write the counts (.csv or .json).")
@click.option("--points", type=FilePath, help="Write the points with scores (.csv or .json).")
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    help="Write the points for an annotation tool, to be corrected and trained on; nothing that is "
    "there already is replaced.",
)
@click.option(
    "--annotations-format",
    help=f"Format of --annotations: {ANNOTATION_FORMATS}; by the ending where it says it.",
)
@click.option("--pictures", type=FolderPath, help="Write a picture per image into this folder.")
@click.option("--densities", type=FolderPath, help="Write a .npy map per image into this folder.")
@json_option
def count_command(
    paths: tuple[str, ...],
    counter_name: str | None,
    weights: Path | None,
    localizer_name: str | None,
    roi: Path | None,
    tile: str,
    halo: int | None,
    device: str | None,
    overrides: tuple[str, ...],
    csv: Path | None,
    points: Path | None,
    annotations: Path | None,
    annotations_format: str | None,
    pictures: Path | None,
    densities: Path | None,
    as_json: bool,
) -> None:
    """Count the people in PATHS: images, folders of images, patterns like 'photos/*.jpg'."""
    from crowdkit_core.cli.components import (
        chosen_device,
        named_localizer,
        only_sections,
        tile_side,
        trained_counter,
    )
    from crowdkit_core.cli.pictures import unique_names, write_overlay
    from crowdkit_core.data.annotations import MarkedImage, format_named, require_free
    from crowdkit_core.errors import UsageError
    from crowdkit_core.inference import (
        CountRow,
        count_paths,
        find_images,
        marked_image,
        save_density,
        write_counts,
        write_points,
    )
    from crowdkit_core.inference.roi import read_roi
    from crowdkit_core.settings import parse_overrides

    wants_points = points is not None or annotations is not None
    if points is not None and points.suffix.lower() not in (".csv", ".json"):
        raise UsageError(
            f"{points}: points are written as .csv or .json",
            hint="--annotations writes the formats of annotation tools",
        )
    if annotations_format is not None and annotations is None:
        raise UsageError("--annotations-format without --annotations")
    tool = format_named(annotations_format)
    if annotations is not None:
        require_free(annotations, tool)
    if roi is not None:
        read_roi(roi)  # before any work
    options = only_sections(parse_overrides(overrides), "counter", "localizer")
    images = find_images(paths)
    counter = trained_counter(counter_name, weights, options["counter"])
    if wants_points and localizer_name is None and not counter.finds_points:
        localizer_name = "local-maxima"
    localizer = named_localizer(localizer_name, options["localizer"])
    names = unique_names(images)
    errors: list[DataError] = []

    def report(error: DataError) -> None:
        errors.append(error)
        click.echo(f"crowdkit: {error}", err=True)

    rows: list[CountRow] = []
    found: list[MarkedImage] = []
    for counted in count_paths(
        counter,
        images,
        on_error=report,
        tile=tile_side(tile),
        halo=halo,
        roi=roi,
        localizer=localizer,
        device=chosen_device(device),
    ):
        rows.append(CountRow.of(counted))
        if wants_points:
            found.append(marked_image(counted))
        if pictures is not None:
            write_overlay(pictures / f"{names[counted.name]}.png", counted)
        if densities is not None:
            densities.mkdir(parents=True, exist_ok=True)
            save_density(densities / f"{names[counted.name]}.npy", counted)
        if not as_json:
            click.echo(f"{counted.name}\t{counted.count:.1f}")
    if rows:
        if csv is not None:
            write_counts(csv, rows)
        if points is not None:
            write_points(points, found, overwrite=True)
        if annotations is not None:
            write_points(annotations, found, format=tool)
    if as_json:
        print_json([asdict(row) for row in rows])
    elif len(rows) > 1:
        click.echo(f"{len(rows)} images\t{sum(row.count for row in rows):.1f}")
    if errors:
        sys.exit(1)
