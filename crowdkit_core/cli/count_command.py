"""`crowdkit count`: count the people in images."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from crowdkit_core.cli.options import (
    ANNOTATION_FORMATS,
    device_option,
    halo_option,
    precision_option,
    set_option,
    tile_option,
    weights_option,
)
from crowdkit_core.cli.output import json_option, say_once
from crowdkit_core.cli.sizing import long_side_option, scale_option
from crowdkit_core.cli.stack_options import (
    CommandWithRange,
    channel_option,
    frames_option,
    project_option,
    range_option,
)
from crowdkit_core.cli.video_options import VideoOptions, video_options
from crowdkit_core.cli.zone_options import zone_options

FolderPath = click.Path(file_okay=False, path_type=Path)
FilePath = click.Path(dir_okay=False, path_type=Path)


@click.command("count", cls=CommandWithRange)
@click.argument("paths", nargs=-1, required=True)
@click.option("--counter", "counter_name", help="Which counter; default: the weights say it.")
@weights_option
@click.option("--localizer", "localizer_name", help="Also find points, with this localizer.")
@click.option("--roi", type=FilePath, help="Count only inside: JSON polygons or a mask image.")
@zone_options
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
@precision_option
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
@video_options
@json_option
def count_command(
    paths: tuple[str, ...],
    counter_name: str | None,
    weights: str | None,
    localizer_name: str | None,
    roi: Path | None,
    zones: Path | None,
    ground: Path | None,
    zones_csv: Path | None,
    ground_densities: Path | None,
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
    precision: str,
    overrides: tuple[str, ...],
    csv: Path | None,
    points: Path | None,
    annotations: Path | None,
    annotations_format: str | None,
    pictures: Path | None,
    attention: bool,
    densities: Path | None,
    as_json: bool,
    of_video: VideoOptions,
) -> None:
    """Count the people in PATHS: images, folders of images, patterns like 'photos/*.jpg'.

    Of stacks and animations each frame is counted (--frames, --channel, --project).

    Also videos, URLs of videos and streams (rtsp://, http://), and cameras: camera:0, or 0 where no
    file has that name. A folder stands for its images; name the videos in it, or a pattern.

    Without --weights, those installed weights count that are for people. With a file to write
    (--csv, --points, --annotations), the same command goes on where an earlier one was stopped.
    """
    from functools import partial

    from crowdkit_core.cli.clip_outputs import ClipOutputs
    from crowdkit_core.cli.components import only_sections
    from crowdkit_core.cli.count_outputs import CountOutputs
    from crowdkit_core.cli.counting_files import count_files
    from crowdkit_core.cli.counting_model import ModelOptions
    from crowdkit_core.cli.partial_results import settings_of
    from crowdkit_core.cli.stack_options import chosen_reading, require_stacks
    from crowdkit_core.cli.zone_options import chosen_zones, require_zones
    from crowdkit_core.inference import find_images, unread_images, videos_left_out
    from crowdkit_core.inference.interval import images_needed
    from crowdkit_core.inference.roi import read_roi
    from crowdkit_core.inference.sources import AS_STORED
    from crowdkit_core.settings import parse_overrides

    require_zones(zones=zones, ground=ground, table=zones_csv, maps=ground_densities)
    outputs = CountOutputs(
        csv=csv,
        points=points,
        annotations=annotations,
        annotations_format=annotations_format,
        pictures=pictures,
        attention=attention,
        densities=densities,
        zones_csv=zones_csv,
        ground_densities=ground_densities,
        as_json=as_json,
        window=of_video.window,
    )
    if roi is not None:
        read_roi(roi)  # before any work
    places, plane = chosen_zones(zones, ground)
    if level is not None:
        images_needed(level)
    stacks = {"frames": frames, "channel": channel, "project": project, "value_range": value_range}
    chosen_reading(AS_STORED, **stacks)  # likewise
    asked = ModelOptions(
        weights=weights,
        counter=counter_name,
        localizer=localizer_name,
        need_points=outputs.need_points,
        scale=scale,
        long_side=long_side,
        calibration=calibration,
        level=level,
        tile=tile,
        halo=halo,
        device=device,
        precision=precision,
        stacks=stacks,
        every=of_video.step,
        components=only_sections(parse_overrides(overrides), "counter", "localizer"),
    )
    images = find_images(paths)
    of_video.require_fit(images)
    require_stacks(images, frames=frames, channel=channel, project=project)
    outputs.require_names(images)
    if left_out := unread_images(paths):
        say_once(f"crowdkit: left out: {few(left_out)}; save as JPEG or PNG what is to be counted")
    if videos := videos_left_out(paths):
        say_once(f"crowdkit: left out: {few(videos)}; name the videos that are to be counted")
    model = asked.made(images)
    settings = settings_of(click.get_current_context(), model)
    count = partial(model.count_paths, roi=roi, zones=places, ground=plane)
    clips = ClipOutputs(of_video, images, model.things)
    sys.exit(count_files(count, images, outputs, clips, settings))


def few(files: Sequence[Path]) -> str:
    """The names of the first files, and how many more there are."""
    names = ", ".join(file.name for file in files[:3])
    return f"{names} and {len(files) - 3} more" if len(files) > 3 else names
