"""`crowdkit eval`: errors of a trained counter on annotated images."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdkit_core.cli.evaluation_options import (
    METRICS,
    ReportOutput,
    metrics_option,
    radii_option,
    report_options,
    split_option,
)
from crowdkit_core.cli.options import device_option, named_overrides, set_option, tile_option
from crowdkit_core.cli.sizing import long_side_option, scale_option

if TYPE_CHECKING:  # evaluation brings torch along
    from crowdkit_core.cards import Located
    from crowdkit_core.evaluation import Report
    from crowdkit_core.interfaces import Split
    from crowdkit_core.settings import Recipe

WORST = 4
"""How many images ``--pictures`` shows: those with the largest error."""


@click.command("eval")
@click.argument("run", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--counter", help="Which counter, where no RUN says it.")
@click.option(
    "--weights",
    default="best",
    show_default=True,
    help="best or last of RUN, a file of weights, or the name of installed ones.",
)
@click.option("--dataset", help="Which dataset; the RUN's by default.")
@split_option
@click.option("--localizer", help="Also score the points of this localizer.")
@metrics_option(
    f"Further metrics, of density maps or of a localizer's points: {METRICS}. `crowdkit info NAME` "
    "says what each is."
)
@click.option(
    "--density-generator",
    help="What makes the maps that --metrics compare with; the RUN's by default.",
)
@radii_option
@tile_option
@scale_option
@long_side_option
@device_option
@set_option
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Write pictures of the {WORST} images with the largest error into this folder; where "
    "points are found, also one of the counts of parts of all images.",
)
@report_options
def evaluate_command(
    run: Path | None,
    weights: str,
    split: "Split",
    metrics: tuple[str, ...],
    radii: tuple[float, ...],
    tile: str,
    scale: float | None,
    long_side: int | None,
    device: str | None,
    overrides: tuple[str, ...],
    pictures: Path | None,
    output: ReportOutput,
    **named: str | None,
) -> None:
    """Evaluate RUN (a folder of `crowdkit train`), or --counter with --weights on --dataset.

    Images are shown as the data set gives them; to installed weights in the sizes they were trained
    on, as `crowdkit count` does. `crowdkit score` evaluates points that another tool found.
    """
    from crowdkit_core.cli.components import chosen_device, refuse_split, tile_side
    from crowdkit_core.cli.sizing import chosen_sizing
    from crowdkit_core.evaluation import evaluate
    from crowdkit_core.evaluation.parts import evaluation_parts
    from crowdkit_core.inference.loading import sizing_of
    from crowdkit_core.registry.hooks import hooks
    from crowdkit_core.settings import load_recipe, parse_overrides

    refuse_split(overrides)
    located = chosen_weights(run, weights)
    file = located.path
    sizing = chosen_sizing(sizing_of(located.card), scale=scale, long_side=long_side)
    settings = named_overrides(overrides, **named)
    if run is not None:
        recipe = load_recipe(run / "recipe.toml", overrides=settings)
        parts = evaluation_parts(recipe, file, split, metrics)
    else:
        parts = evaluation_parts(
            _recipe_of_options(located, settings),
            file,
            split,
            metrics,
            density_generator="density_generator" in parse_overrides(settings),
            baseline=False,  # nothing says which images it was trained on
        )
    report = evaluate(
        **parts,
        radii=radii,
        parts=pictures is not None,
        device=chosen_device(device),
        tile=tile_side(tile),
        sizing=sizing,
        progress=hooks().evaluation_progress,
    )
    if pictures is not None:
        from crowdkit_core.cli.pictures import write_comparisons, write_parts
        from crowdkit_core.inference import Model

        model = Model(counter=parts["counter"], sizing=sizing, localizer=parts["localizer"])
        write_comparisons(pictures, model, parts["dataset"], _worst(report))
        write_parts(pictures, report)
    output.show(report)


def chosen_weights(run: Path | None, weights: str) -> "Located":
    """``best`` and ``last`` are files of the run; for anything else see `cards.locate`."""
    from crowdkit_core.cards import locate
    from crowdkit_core.errors import UsageError

    if weights in ("best", "last"):
        if run is None:
            raise UsageError("give RUN, or --weights FILE", hint="RUN is a `crowdkit train` folder")
        return locate(run / f"{weights}.safetensors")
    return locate(weights)


def _recipe_of_options(located: "Located", settings: list[str]) -> "Recipe":
    """A recipe for weights, which may say which counter they are for."""
    from crowdkit_core.errors import UsageError
    from crowdkit_core.inference.loading import counter_of
    from crowdkit_core.settings import parse_overrides, resolve_recipe

    layer = parse_overrides(settings)
    if "dataset" not in layer:
        raise UsageError("give RUN, or --counter, --weights and --dataset")
    counter = layer.get("counter", {})
    name = counter_of(located, counter.get("name"))
    weighted = {"name": name, "weights": str(located.path)}
    return resolve_recipe(layer, {"counter": {**counter, **weighted}})


def _worst(report: "Report") -> list[int]:
    order = sorted(range(len(report.images)), key=lambda i: -abs(report.images[i].error))
    return order[:WORST]
