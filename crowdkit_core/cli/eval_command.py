"""`crowdkit eval`: errors of a trained counter on annotated images."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import click

from crowdkit_core.cli.options import device_option, named_overrides, set_option, tile_option
from crowdkit_core.cli.output import json_option, print_json

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
    as_json: bool,
) -> None:
    """Evaluate RUN (a folder of `crowdkit train`), or --counter with --weights on --dataset."""
    from crowdkit_core.cli.components import (
        chosen_device,
        named_localizer,
        tile_side,
        trained_counter,
    )
    from crowdkit_core.errors import UsageError
    from crowdkit_core.evaluation import evaluate, format_report, write_image_csv, write_report
    from crowdkit_core.evaluation.output import report_dict
    from crowdkit_core.evaluation.quality import MAP_METRICS
    from crowdkit_core.evaluation.stamp import weights_stamp
    from crowdkit_core.interfaces import Split
    from crowdkit_core.registry import create
    from crowdkit_core.registry.hooks import hooks
    from crowdkit_core.settings import load_recipe, parse_overrides

    if split not in get_args(Split):
        raise UsageError(f"--split {split!r}: expected one of {', '.join(get_args(Split))}")
    file = weights_file(run, weights)
    asked = [name.strip() for name in metrics.split(",")] if metrics else []
    maps = None
    if run is not None:
        names = {
            "counter": counter,
            "dataset": dataset,
            "localizer": localizer,
            "density_generator": density_generator,
        }
        recipe = load_recipe(run / "recipe.toml", overrides=named_overrides(overrides, **names))
        trained = recipe.create("counter", weights=file)
        images = recipe.create("dataset", split=split)
        finder = recipe.create("localizer") if recipe.localizer else None
        train = recipe.create("dataset", split="train") if split in ("validation", "test") else None
        if MAP_METRICS.keys() & set(asked):
            maps = recipe.create("density_generator")
            _fit(maps, lambda: recipe.create("dataset", split="train"))
    else:
        if dataset is None:
            raise UsageError("give RUN, or --counter, --weights and --dataset")
        options: Mapping[str, Any] = parse_overrides(overrides)
        trained = trained_counter(counter, file, options.get("counter", {}))
        images = create("dataset", dataset, **options.get("dataset", {}), split=split)
        finder = named_localizer(localizer, options.get("localizer", {}))
        train = None
        if density_generator is not None:
            maps = create(
                "density_generator", density_generator, **options.get("density_generator", {})
            )
            of_dataset = options.get("dataset", {})
            _fit(maps, lambda: create("dataset", dataset, **of_dataset, split="train"))
    report = evaluate(
        trained,
        images,
        device=chosen_device(device),
        tile=tile_side(tile),
        localizer=finder,
        metrics=asked,
        density_generator=maps,
        train=train,
        stamp=weights_stamp(file, split),
        progress=hooks().evaluation_progress,
    )
    if csv is not None:
        write_image_csv(report.images, csv)
    if report_file is not None:
        write_report(report, report_file)
    if pictures is not None:
        from crowdkit_core.cli.pictures import write_comparisons

        write_comparisons(pictures, trained, images, _worst(report))
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


def _fit(density_generator: Any, train: Callable[[], Any]) -> None:
    """Let it learn from the training images, where it learns from any."""
    from crowdkit_core.interfaces import DensityGenerator

    if type(density_generator).fit is not DensityGenerator.fit:
        density_generator.fit(train())


def _worst(report: Any) -> list[int]:
    order = sorted(range(len(report.images)), key=lambda i: -abs(report.images[i].error))
    return order[:WORST]
