"""`crowdkit eval`: errors of a trained counter on annotated images."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import click

from crowdkit_core.cli.options import (
    READ_FORMATS,
    device_option,
    named_overrides,
    set_option,
    tile_option,
)
from crowdkit_core.cli.output import json_option, print_json

if TYPE_CHECKING:  # evaluation brings torch along
    from crowdkit_core.evaluation.of_run import EvaluationParts

FilePath = click.Path(dir_okay=False, path_type=Path)
WORST = 4
"""How many images ``--pictures`` shows: those with the largest error."""


@click.command("eval")
@click.argument("run", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--counter", help="Which counter, where no RUN says it.")
@click.option(
    "--weights",
    default="best",
    show_default=True,
    help="best or last of RUN, or a weights file.",
)
@click.option("--dataset", help="Which dataset; the RUN's by default.")
@click.option("--split", default="test", show_default=True, help="train, validation, test or all.")
@click.option("--localizer", help="Also score the points of this localizer.")
@click.option(
    "--metrics",
    default="",
    metavar="NAME,...",
    help="Further metrics. Of density maps at full resolution: ssim, psnr, background (share of "
    "people seen where nobody is). Of a localizer's points: ap (average precision).",
)
@click.option(
    "--density-generator",
    help="What makes the maps that --metrics compare with; the RUN's by default.",
)
@tile_option
@device_option
@set_option
@click.option("--csv", type=FilePath, help="Write one line per image.")
@click.option("--report", "report_file", type=FilePath, help="Write everything as JSON.")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Write pictures of the {WORST} images with the largest error into this folder.",
)
@click.option(
    "--points-file",
    type=click.Path(path_type=Path),
    help="Score the points of this file or folder, from any tool, instead of a counter.",
)
@click.option("--points-format", help=f"Its format: {READ_FORMATS}; recognised by default.")
@click.option(
    "--points-columns",
    metavar="COLUMN=NAME,...",
    help="Columns of a csv, or keys of a json, that are not called image, x, y and score: "
    "image=filename,score=confidence.",
)
@click.option(
    "--missing-as-empty",
    is_flag=True,
    help="An image the points file does not list is one where nobody was found.",
)
@click.option(
    "--radii",
    default="4,8",
    show_default=True,
    metavar="PIXELS,...",
    help="How far a point may lie from its head.",
)
@json_option
def evaluate_command(
    run: Path | None,
    counter: str | None,
    weights: str,
    dataset: str | None,
    split: str,
    localizer: str | None,
    metrics: str,
    density_generator: str | None,
    tile: str,
    device: str | None,
    overrides: tuple[str, ...],
    csv: Path | None,
    report_file: Path | None,
    pictures: Path | None,
    points_file: Path | None,
    points_format: str | None,
    points_columns: str | None,
    missing_as_empty: bool,
    radii: str,
    as_json: bool,
) -> None:
    """Evaluate RUN (a folder of `crowdkit train`), or --counter with --weights on --dataset.

    With --points-file, score the points that any other tool found on --dataset, without a counter.
    """
    from crowdkit_core.cli.components import (
        chosen_device,
        named_localizer,
        tile_side,
        trained_counter,
    )
    from crowdkit_core.cli.points_file import radii_of, refuse_others, score_points_file
    from crowdkit_core.errors import UsageError
    from crowdkit_core.evaluation import evaluate
    from crowdkit_core.evaluation.of_run import fit_if_it_learns, parts_of_run
    from crowdkit_core.evaluation.stamp import weights_stamp
    from crowdkit_core.interfaces import Split
    from crowdkit_core.registry import create
    from crowdkit_core.registry.hooks import hooks
    from crowdkit_core.settings import load_recipe, parse_overrides

    if split not in get_args(Split):
        raise UsageError(f"--split {split!r}: expected one of {', '.join(get_args(Split))}")
    if "split" in parse_overrides(overrides).get("dataset", {}):
        raise UsageError("dataset.split cannot be set here", hint="choose it by --split")
    refuse_others(click.get_current_context())
    reach = radii_of(radii)
    if points_file is not None:
        report = score_points_file(
            points_file,
            dataset,
            format=points_format,
            columns=points_columns,
            split=cast("Split", split),
            overrides=overrides,
            radii=reach,
            metrics=metrics,
            missing_as_empty=missing_as_empty,
        )
        show(report, csv, report_file, as_json=as_json)
        return
    file = weights_file(run, weights)
    asked = [name.strip() for name in metrics.split(",")] if metrics else []
    parts: EvaluationParts
    if run is not None:
        names = {
            "counter": counter,
            "dataset": dataset,
            "localizer": localizer,
            "density_generator": density_generator,
        }
        recipe = load_recipe(run / "recipe.toml", overrides=named_overrides(overrides, **names))
        parts = parts_of_run(recipe, file, cast("Split", split), asked)
    else:
        if dataset is None:
            raise UsageError("give RUN, or --counter, --weights and --dataset")
        options: Mapping[str, Any] = parse_overrides(overrides)
        of_dataset = options.get("dataset", {})
        parts = {
            "counter": trained_counter(counter, file, options.get("counter", {})),
            "dataset": create("dataset", dataset, **of_dataset, split=split),
            "localizer": named_localizer(localizer, options.get("localizer", {})),
            "metrics": asked,
            "density_generator": None,
            "train": None,
            "stamp": weights_stamp(file, split),
        }
        if density_generator is not None:
            of_maps = options.get("density_generator", {})
            maps = create("density_generator", density_generator, **of_maps)
            fit_if_it_learns(maps, lambda: create("dataset", dataset, **of_dataset, split="train"))
            parts["density_generator"] = maps
    report = evaluate(
        **parts,
        radii=reach,
        device=chosen_device(device),
        tile=tile_side(tile),
        progress=hooks().evaluation_progress,
    )
    if pictures is not None:
        from crowdkit_core.cli.pictures import write_comparisons

        write_comparisons(pictures, parts["counter"], parts["dataset"], _worst(report))
    show(report, csv, report_file, as_json=as_json)


def show(report: Any, csv: Path | None, report_file: Path | None, *, as_json: bool) -> None:
    """Write a report where the user asked for it, and print it."""
    from crowdkit_core.evaluation import format_report, write_image_csv, write_report
    from crowdkit_core.evaluation.output import report_dict

    if csv is not None:
        write_image_csv(report.images, csv)
    if report_file is not None:
        write_report(report, report_file)
    if as_json:
        print_json(report_dict(report, images=False))
    else:
        click.echo(format_report(report))


def weights_file(run: Path | None, weights: str) -> Path:
    """``best`` and ``last`` are files of the run; anything else is a path."""
    from crowdkit_core.errors import UsageError

    if weights in ("best", "last"):
        if run is None:
            raise UsageError("give RUN, or --weights FILE", hint="RUN is a `crowdkit train` folder")
        return run / f"{weights}.safetensors"
    return Path(weights)


def _worst(report: Any) -> list[int]:
    order = sorted(range(len(report.images)), key=lambda i: -abs(report.images[i].error))
    return order[:WORST]
