"""`crowdkit train`: train what a recipe describes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.cli.interruption import epochs_kept, resumable
from crowdkit_core.cli.options import named_overrides, set_option
from crowdkit_core.cli.output import json_option, print_json

if TYPE_CHECKING:  # imports torch
    from crowdkit_core.training import TrainingResult


@click.command("train")
@click.argument("recipe", required=False)
@click.option(
    "--config", type=click.Path(dir_okay=False, path_type=Path), help="A TOML file on top."
)
@click.option("--counter", help="Which counter.")
@click.option("--loss", help="Which loss.")
@click.option("--density-generator", help="What makes the target maps.")
@click.option("--dataset", help="Which dataset.")
@click.option("--trainer", help="Which trainer.")
@set_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The run's folder; runs/DATE_COUNTER_DATASET by default.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --output.")
@click.option(
    "--dry-run", is_flag=True, help="Check that the parts fit, print the resolved recipe and stop."
)
@json_option
def train(
    recipe: str | None,
    config: Path | None,
    counter: str | None,
    loss: str | None,
    density_generator: str | None,
    dataset: str | None,
    trainer: str | None,
    overrides: tuple[str, ...],
    output: Path | None,
    resume: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train RECIPE: a recipe's name (mcnn/shanghaitech-a), a TOML file, or nothing but options."""
    from crowdkit_core.errors import UsageError
    from crowdkit_core.settings import load_recipe, recipe_text
    from crowdkit_core.settings.run_names import dated_folder

    if resume and recipe is None and output is not None:
        recipe = str(output / "recipe.toml")
    resolved = load_recipe(
        recipe,
        file=config,
        overrides=named_overrides(
            overrides,
            counter=counter,
            loss=loss,
            density_generator=density_generator,
            dataset=dataset,
            trainer=trainer,
        ),
    )
    directory = output or resolved.run.directory
    if directory is None:
        if resume:
            raise UsageError("--resume needs --output, the folder of the run to go on with")
        directory = dated_folder(resolved.counter.name, resolved.dataset.name)
    run = replace(resolved.run, directory=directory, resume=resume or resolved.run.resume)
    resolved = replace(resolved, run=run)
    if dry_run:
        from crowdkit_core.training import require_parts_fit

        require_parts_fit(resolved)
        click.echo(recipe_text(resolved))
        return
    from torch import distributed

    from crowdkit_core.training import train_recipe
    from crowdkit_core.visual import save, training_curve

    with resumable(lambda: epochs_kept(directory)):
        result = train_recipe(resolved)
        if distributed.is_initialized() and distributed.get_rank() > 0:
            return
        save(training_curve(result.history), result.directory / "curve.png")
    best = _best(result)
    if as_json:
        print_json({"run": result.directory, "weights": result.weights, "best": best})
        return
    click.echo(f"run: {result.directory}")
    if best:
        several = len({record["stage"] for record in result.history}) > 1
        stage = f" of stage {best['stage']}" if several else ""
        click.echo(
            f"best: epoch {best['epoch']}{stage}, MAE {best['mae']:.2f}, RMSE {best['rmse']:.2f} "
            f"on the {run.validate_on} images"
        )
    click.echo(f"weights: {result.weights}")


def _best(result: "TrainingResult") -> Mapping[str, Any]:
    """The log's record of the epoch whose weights are the run's; empty if none was validated."""
    from crowdkit_core.weights import read_weights

    if result.best_weights is None:
        return {}
    facts = read_weights(result.best_weights).facts
    epoch = (facts["stage"], facts["epoch"])
    return next(each for each in result.history if (each["stage"], each["epoch"]) == epoch)
