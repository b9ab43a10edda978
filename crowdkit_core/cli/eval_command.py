"""`crowdkit eval`: errors of a trained counter on annotated images."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdkit_core.cli.evaluation_options import (
    METRICS,
    ReportOutput,
    metrics_option,
    protocol_option,
    radii_option,
    report_options,
    split_option,
)
from crowdkit_core.cli.options import device_option, named_overrides, set_option, tile_option
from crowdkit_core.cli.sizing import long_side_option, scale_option
from crowdkit_core.cli.stack_options import CommandWithRange, range_option, range_settings

if TYPE_CHECKING:  # evaluation brings torch along
    from crowdkit_core.cards import ChosenLocalizer, Located
    from crowdkit_core.evaluation import Report
    from crowdkit_core.evaluation.report import Fact
    from crowdkit_core.interfaces import Dataset, Split
    from crowdkit_core.settings import Recipe

WORST = 4
"""How many images ``--pictures`` shows: those with the largest error."""


@click.command("eval", cls=CommandWithRange)
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
@protocol_option
@tile_option
@range_option
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
    split: "Split | None",
    metrics: tuple[str, ...],
    radii: tuple[float, ...],
    protocol: str | None,
    tile: str,
    value_range: str | None,
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
    on, as `crowdkit count` does. The processes that torchrun started share them. `crowdkit score`
    evaluates points that another tool found.
    """
    from crowdkit_core.cli.components import chosen_device, refuse_split, tile_side
    from crowdkit_core.cli.sizing import chosen_sizing
    from crowdkit_core.evaluation import evaluate
    from crowdkit_core.evaluation.parts import evaluation_parts
    from crowdkit_core.inference.chosen_localizer import chosen_for
    from crowdkit_core.inference.known import Known
    from crowdkit_core.processes import joined_processes
    from crowdkit_core.registry.hooks import hooks
    from crowdkit_core.settings import load_recipe, parse_overrides

    refuse_split(overrides)
    if run is not None:
        require_recipe(run)
    located = chosen_weights(run, weights)
    file = located.path
    known = Known.of(located)
    sizing = chosen_sizing(known.sizing, scale=scale, long_side=long_side)
    settings = [*named_overrides(overrides, **named), *range_settings(value_range)]
    ranged = "value_range" in parse_overrides(settings).get("dataset", {})
    trained = None if ranged else known.value_range
    chosen = None if "localizer" in parse_overrides(settings) else chosen_for(located, known.card)
    if run is not None:
        recipe = with_localizer(load_recipe(run / "recipe.toml", overrides=settings), chosen)
        parts = evaluation_parts(
            recipe,
            file,
            split,
            metrics,
            maps=pictures is not None,
            value_range=trained,
            otherwise="all" if _has_other_images(recipe, run) else recipe.run.validate_on,
        )
    else:
        parts = evaluation_parts(
            with_localizer(recipe_of_options(located, settings), chosen),
            file,
            split,
            metrics,
            density_generator="density_generator" in parse_overrides(settings),
            baseline=False,  # nothing says which images it was trained on
            maps=pictures is not None,
            value_range=trained,
            otherwise="all",
        )
    if chosen is not None:
        parts["stamp"] |= _chosen_stamp(chosen, parts["dataset"])
    with joined_processes() as processes:
        report = evaluate(
            **parts,
            radii=radii,
            protocol=protocol,
            parts=pictures is not None,
            device=chosen_device(device),
            tile=tile_side(tile),
            sizing=sizing,
            rank=processes.rank,
            world_size=processes.number,
            progress=hooks().evaluation_progress,
        )
    if not processes.is_first:
        return
    if pictures is not None:
        from crowdkit_core.cli.pictures import Truth, write_comparisons, write_parts
        from crowdkit_core.inference import Model

        generator = parts["density_generator"]
        truth = Truth.trained_on(generator) if generator else Truth.of_nothing_known()
        model = Model(counter=parts["counter"], sizing=sizing, localizer=parts["localizer"])
        write_comparisons(pictures, model, parts["dataset"], _worst(report), truth)
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


def require_recipe(run: Path) -> None:
    """Refuse a run that has none, as one of Python whose parts nothing is known of.

    Raises:
        UsageError: It holds none.
    """
    from crowdkit_core.errors import UsageError

    if (run / "recipe.toml").exists():
        return
    best = run / "best.safetensors"
    if not best.exists():
        raise UsageError(
            f"{run}: {'holds no run' if run.is_dir() else 'no such folder'}",
            hint="RUN is a folder that `crowdkit train` wrote; images to evaluate on are named by "
            "--dataset folder --set dataset.root=DIR",
        )
    reasons = run / "no-recipe.txt"
    why = reasons.read_text(encoding="utf-8").strip() if reasons.exists() else ""
    raise UsageError(
        f"{run}: holds no recipe.toml{why and '. '}{why}",
        hint=f"name the parts: crowdkit eval --weights {best} --counter NAME "
        "--dataset NAME --set dataset.OPTION=VALUE",
    )


def _has_other_images(recipe: "Recipe", run: Path) -> bool:
    """Whether options name another data set than the run's, or one at another place."""
    from crowdkit_core.settings import load_recipe

    own = load_recipe(run / "recipe.toml").dataset
    asked = recipe.dataset
    places = [
        {name: path.resolve() for name, path in each.options.items() if isinstance(path, Path)}
        for each in (own, asked)
    ]
    return own.name != asked.name or places[0] != places[1]


def recipe_of_options(located: "Located", settings: list[str]) -> "Recipe":
    """A recipe for weights, which may say which counter they are for.

    Raises:
        UsageError: No dataset is named.
    """
    from crowdkit_core.errors import UsageError
    from crowdkit_core.inference.loading import counter_of
    from crowdkit_core.settings import parse_overrides, resolve_recipe

    layer = parse_overrides(settings)
    if "dataset" not in layer:
        raise UsageError(
            "--weights without --dataset: nothing to evaluate on",
            hint="a folder of images is --dataset folder --set dataset.root=DIR",
        )
    counter = layer.get("counter", {})
    name = counter_of(located, counter.get("name"))
    weighted = {"name": name, "weights": str(located.path)}
    return resolve_recipe(layer, {"counter": {**counter, **weighted}})


def with_localizer(recipe: "Recipe", chosen: "ChosenLocalizer | None") -> "Recipe":
    """The same recipe with the localizer that was chosen for its weights, if one was."""
    from dataclasses import replace

    from crowdkit_core.settings import ComponentSettings

    if chosen is None:
        return recipe
    settings = ComponentSettings(name=chosen.name, options=chosen.options)
    return replace(recipe, localizer=settings)


def _chosen_stamp(chosen: "ChosenLocalizer", dataset: "Dataset") -> dict[str, "Fact"]:
    """Which localizer finds the points, and a warning where these images chose it."""
    stamp: dict[str, Fact] = {"localizer": f"{chosen.described()}, tuned: {chosen.origin()}"}
    if (chosen.dataset, chosen.split) == (dataset.registered_name, dataset.split):
        stamp["tuned"] = f"the localizer was chosen on {dataset.split} images of this data set"
    return stamp


def _worst(report: "Report") -> list[int]:
    order = sorted(range(len(report.images)), key=lambda i: -abs(report.images[i].error))
    return order[:WORST]
