"""`crowdkit tune`: choose options on annotated images that nobody trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.cli.eval_command import chosen_weights, recipe_of_options, require_recipe
from crowdkit_core.cli.options import device_option, named_overrides, set_option, tile_option
from crowdkit_core.cli.output import json_option, print_json, say, say_text
from crowdkit_core.cli.sizing import long_side_option, scale_option
from crowdkit_core.cli.stack_options import CommandWithRange, range_option, range_settings

if TYPE_CHECKING:  # evaluation brings torch along
    from crowdkit_core.evaluation import Estimate, Tuning
    from crowdkit_core.interfaces import Dataset
    from crowdkit_core.settings import Recipe

SHOWN = 10
"""Best settings in the table; all are in the JSON."""


@click.group("tune")
def tune() -> None:
    """Choose options on annotated images that nobody trained on."""


@tune.command("localizer", cls=CommandWithRange)
@click.argument("run", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--counter", help="Which counter, where no RUN says it.")
@click.option(
    "--weights",
    default="best",
    show_default=True,
    help="best or last of RUN, a file of weights, or the name of installed ones.",
)
@click.option("--dataset", help="Which dataset; the RUN's by default.")
@click.option("--all-images", is_flag=True, help="Of a dataset without splits of its own.")
@click.option("--localizer", default="local-maxima", show_default=True, help="Which localizer.")
@click.option(
    "--by",
    default="f1@8",
    show_default=True,
    help="precision, recall or f1 within a radius: pixels, or sigma_l or sigma_s of head boxes.",
)
@click.option(
    "--try",
    "tried",
    multiple=True,
    metavar="OPTION=VALUE,...",
    help="Values of an option to search, in place of all that the localizer declares. Repeat it.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file for the choice; by default beside the weights, where eval and count find it.",
)
@tile_option
@range_option
@scale_option
@long_side_option
@device_option
@set_option
@json_option
def tune_localizer_command(
    run: Path | None,
    weights: str,
    all_images: bool,
    localizer: str,
    by: str,
    tried: tuple[str, ...],
    output: Path | None,
    tile: str,
    value_range: str | None,
    scale: float | None,
    long_side: int | None,
    device: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
    **named: str | None,
) -> None:
    """Choose a localizer's options for RUN, or --weights, on validation images of its --dataset.

    Every combination of the values to try is scored on images held out of the training, never on
    test images. The choice is written beside the weights; `crowdkit eval` and `crowdkit count
    --points` with these weights use it then. Options set by --set localizer.OPTION=VALUE stay as
    they are.
    """
    from crowdkit_core.cards.chosen_localizer import file_beside, write_chosen
    from crowdkit_core.cli.components import chosen_device, refuse_split, tile_side
    from crowdkit_core.cli.sizing import chosen_sizing
    from crowdkit_core.evaluation import tune_localizer
    from crowdkit_core.inference.known import Known
    from crowdkit_core.registry.hooks import hooks
    from crowdkit_core.settings import load_recipe, parse_overrides

    refuse_split(overrides)
    if run is not None:
        require_recipe(run)
    located = chosen_weights(run, weights)
    settings = [*named_overrides(overrides, **named), *range_settings(value_range)]
    fixed = parse_overrides(settings).get("localizer", {})
    settings.append(f"localizer.name={localizer}")
    if run is not None:
        recipe = load_recipe(run / "recipe.toml", overrides=settings)
    else:
        recipe = recipe_of_options(located, settings)
    images = _held_out(recipe, run, all_images=all_images)
    known = Known.of(located)
    if "value_range" not in recipe.dataset.options and known.value_range is not None:
        images = images.with_value_range(known.value_range)
    sizing = chosen_sizing(known.sizing, scale=scale, long_side=long_side)
    tuning = tune_localizer(
        recipe.create("counter", weights=located.path),
        images,
        localizer=localizer,
        options={name: value for name, value in fixed.items() if name != "name"},
        tried=_values(tried) or None,
        by=by,
        device=chosen_device(device),
        tile=tile_side(tile),
        sizing=sizing,
        progress=hooks().evaluation_progress,
    )
    chosen = tuning.chosen(images, sizing)
    path = output
    if path is None and located.card is None:
        path = file_beside(located.path)
    if path is not None:
        write_chosen(chosen, path, located.path)
    if as_json:
        print_json({"file": path, **_as_dict(tuning, images)})
        return
    say_text(_text(tuning, images))
    say(f"chosen: {chosen.described()}")
    if path is not None:
        say(f"written: {path}")
    else:
        flags = " ".join(f"--set localizer.{k}={_toml(v)}" for k, v in chosen.options.items())
        say(f"installed weights stay as they are; count with: --localizer {localizer} {flags}")


def _held_out(recipe: "Recipe", run: Path | None, *, all_images: bool) -> "Dataset":
    """The validation images, or all of a dataset that has no splits.

    Raises:
        UsageError: There are none, or all would include test images.
    """
    from crowdkit_core.errors import DataError, EmptySplitError, UsageError
    from crowdkit_core.interfaces import Dataset

    if all_images:
        if run is not None:
            raise UsageError("--all-images with RUN: it was trained on most of them")
        try:
            recipe.create("dataset", split="test")
        except (EmptySplitError, DataError):
            everything: Dataset = recipe.create("dataset", split="all")
            return everything
        raise UsageError(
            "--all-images: the dataset has test images, which nothing may be chosen on",
            hint="leave it out to tune on the validation images",
        )
    try:
        images: Dataset = recipe.create("dataset", split="validation")
    except EmptySplitError as error:
        of = f"{run}: the run has" if run is not None else f"dataset {recipe.dataset.name!r} has"
        raise UsageError(
            f"{of} no validation images to tune on, and test images may not choose anything",
            hint="hold some out of the training (dataset.validation_every=10), or tune on another "
            "data set: --dataset NAME --set dataset.root=DIR",
        ) from error
    return images


def _values(tried: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    """``threshold=0.05,0.1`` by option.

    Raises:
        UsageError: A text is not of that form.
    """
    from crowdkit_core.errors import UsageError
    from crowdkit_core.settings import parse_overrides

    values: dict[str, tuple[Any, ...]] = {}
    for text in tried:
        name, equals, listed = text.partition("=")
        if not equals or not listed or "." in name:
            raise UsageError(f"--try {text!r}: expected OPTION=VALUE,VALUE")
        each = (parse_overrides([f"value={value.strip()}"]) for value in listed.split(","))
        values[name] = tuple(parsed["value"] for parsed in each)
    return values


def _text(tuning: "Tuning", images: "Dataset") -> str:
    from crowdkit_core.tables import table

    best = sorted(tuning.settings, key=lambda setting: -setting.score.value)[:SHOWN]
    searched = list(tuning.best.options)
    rows = [
        [*(_toml(each.options[name]) for name in searched), _estimate(each.score)] for each in best
    ]
    rows.append([*["-" for _ in searched], _estimate(tuning.untuned.score)])
    few = f" (best {SHOWN})" if len(tuning.settings) > SHOWN else ""
    return "\n".join(
        [
            f"{tuning.localizer} on {images.registered_name} ({images.split}): {tuning.images} "
            f"image{'s' * (tuning.images != 1)}, {len(tuning.settings)} settings{few}",
            "",
            table(rows, [*searched, tuning.by]),
            "last row: nothing tuned; brackets: 95 % bootstrap intervals over images",
            f"better than untuned by {_estimate(tuning.gain)}, on the images it was chosen on: "
            "expect less on others",
        ]
    )


def _estimate(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_dict(tuning: "Tuning", images: "Dataset") -> dict[str, Any]:
    from dataclasses import asdict

    return {"dataset": images.registered_name, "split": images.split, **asdict(tuning)}
