"""`crowdkit count`: count the people in images."""

import sys
from pathlib import Path

import click

from crowdkit_core.cli.options import (
    ANNOTATION_FORMATS,
    device_option,
    halo_option,
    set_option,
    tile_option,
    weights_option,
)
from crowdkit_core.cli.output import json_option, say
from crowdkit_core.cli.sizing import long_side_option, scale_option
from crowdkit_core.cli.stack_options import (
    CommandWithRange,
    channel_option,
    frames_option,
    project_option,
    range_option,
)
from crowdkit_core.errors import CrowdkitError, UsageError

FolderPath = click.Path(file_okay=False, path_type=Path)
FilePath = click.Path(dir_okay=False, path_type=Path)


@click.command("count", cls=CommandWithRange)
@click.argument("paths", nargs=-1, required=True)
@click.option("--counter", "counter_name", help="Which counter; default: the weights say it.")
@weights_option
@click.option("--localizer", "localizer_name", help="Also find points, with this localizer.")
@click.option("--roi", type=FilePath, help="Count only inside: JSON polygons or a mask image.")
@frames_option
@channel_option
@project_option
@range_option
@scale_option
@long_side_option
@click.option(
    "--calibration",
    type=FilePath,
    help="Give counts intervals: what `crowdkit calibrate` wrote for these weights.",
)
@click.option(
    "--level", type=float, help="Share of intervals that hold the actual count; 0.9 by default."
)
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
@click.option(
    "--attention", is_flag=True, help="With --pictures: also draw the counter's attention maps."
)
@click.option("--densities", type=FolderPath, help="Write a .npy map per image into this folder.")
@json_option
def count_command(
    paths: tuple[str, ...],
    counter_name: str | None,
    weights: str | None,
    localizer_name: str | None,
    roi: Path | None,
    frames: str | None,
    channel: str | None,
    project: str | None,
    value_range: str | None,
    scale: float | None,
    long_side: int | None,
    calibration: Path | None,
    level: float | None,
    tile: str,
    halo: int | None,
    device: str | None,
    overrides: tuple[str, ...],
    csv: Path | None,
    points: Path | None,
    annotations: Path | None,
    annotations_format: str | None,
    pictures: Path | None,
    attention: bool,
    densities: Path | None,
    as_json: bool,
) -> None:
    """Count the people in PATHS: images, folders of images, patterns like 'photos/*.jpg'.

    Each frame of a file of many images is counted: of TIFF stacks and of animations. Without
    --weights, those installed weights count that are for people.
    """
    from dataclasses import replace

    from crowdkit_core.cli.components import (
        chosen_device,
        named_localizer,
        only_sections,
        tile_side,
    )
    from crowdkit_core.cli.count_outputs import CountOutputs
    from crowdkit_core.cli.result_names import frame_name, unique_names
    from crowdkit_core.cli.sizing import chosen_sizing
    from crowdkit_core.cli.stack_options import chosen_reading, reading_files
    from crowdkit_core.inference import (
        find_images,
        load_model,
        unread_images,
        with_calibration,
        with_sizing,
    )
    from crowdkit_core.inference.interval import images_needed
    from crowdkit_core.inference.roi import read_roi
    from crowdkit_core.inference.sources import AS_STORED
    from crowdkit_core.settings import parse_overrides

    outputs = CountOutputs(
        csv=csv,
        points=points,
        annotations=annotations,
        annotations_format=annotations_format,
        pictures=pictures,
        attention=attention,
        densities=densities,
        as_json=as_json,
    )
    if roi is not None:
        read_roi(roi)  # before any work
    if level is not None:
        images_needed(level)
    options = only_sections(parse_overrides(overrides), "counter", "localizer")
    asked = {"frames": frames, "channel": channel, "project": project, "value_range": value_range}
    chosen_reading(AS_STORED, **asked)  # before any work
    images = find_images(paths)
    outputs.require_names(images)
    if left_out := unread_images(paths):
        names = ", ".join(file.name for file in left_out[:3])
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        say(
            f"crowdkit: left out: {names}{more}; save as JPEG or PNG what is to be counted",
            err=True,
        )
    model = load_model(
        weights, counter=counter_name, options=options["counter"], device=chosen_device(device)
    )
    if outputs.need_points and localizer_name is None and not model.counter.finds_points:
        localizer_name = "local-maxima"
    own = model.calibration
    model = with_sizing(model, chosen_sizing(model.sizing, scale=scale, long_side=long_side))
    if calibration is not None:
        model = with_calibration(model, calibration)
    elif own is not model.calibration:
        click.echo(
            "crowdkit: no intervals: those of the weights are for the size they were trained in",
            err=True,
        )
    if level is not None and model.calibration is None:
        raise UsageError(
            "--level without --calibration", hint="`crowdkit calibrate` makes a calibration"
        )
    model = replace(
        model,
        localizer=named_localizer(localizer_name, options["localizer"]),
        tile=tile_side(tile),
        halo=halo,
        level=model.level if level is None else level,
        reading=chosen_reading(model.reading, **asked),
    )
    model = reading_files(model, images)
    errors: list[CrowdkitError] = []

    def report(error: CrowdkitError) -> None:
        errors.append(error)
        click.echo(f"crowdkit: {error}", err=True)

    stems = unique_names(images)
    for counted in model.count_paths(images, roi=roi, on_error=report):
        outputs.add(counted, frame_name(stems[counted.name], counted.frame))
    outputs.finish()
    if errors:
        sys.exit(1)
