"""Train and evaluate the runs of a grid that are not finished."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

import torch
from lightning_fabric import Fabric

from crowdkit_core.data import fingerprint
from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.evaluation import Report, evaluate
from crowdkit_core.evaluation.asked_metrics import asked_metrics, require_metrics
from crowdkit_core.evaluation.parts import evaluation_parts
from crowdkit_core.grid.folder import GridFolder, Outcome
from crowdkit_core.grid.grid import Grid, GridRun
from crowdkit_core.grid.tables import write_tables
from crowdkit_core.interfaces import Trainer, require_fit
from crowdkit_core.registry.hooks import hooks
from crowdkit_core.settings import Recipe
from crowdkit_core.training import TrainingResult, build, train_recipe
from crowdkit_core.training.processes import process_counts
from crowdkit_core.training.run_record import DATA_FILE, read_record

RunEnded = Callable[[Sequence[Outcome]], None]
"""Called with the outcomes of a run that was trained: one, or one for each evaluated stage."""


def run_grid(
    grid: Grid, folder: str | Path, *, only: Sequence[str] = (), run_ended: RunEnded | None = None
) -> list[Outcome]:
    """Train and evaluate every run of a grid that is not finished, and write its tables.

    All combinations are built and checked before the first is trained. Each run has an ordinary run
    folder below ``folder``; ``runs.csv`` and ``table.md`` are rewritten after each. Interrupted and
    called again, it goes on where it was and ends with the same numbers; runs may be added to the
    grid in between. A run that fails is noted with its error, and the others go on; the next call
    tries it again.

    Args:
        grid: From `load_grid`.
        folder: New, or that of the same grid.
        only: Run only these rows, by label.
        run_ended: Called after each run that was trained.

    Returns:
        How every run of the grid stands, in its order.

    Raises:
        UsageError: The folder holds something else or runs with other settings, or parts of a run
            do not fit; nothing is written then.
        CrowdkitError: A part of a run cannot be created; names the run.
    """
    place = GridFolder(Path(folder), grid)
    chosen = grid.rows(only)
    _require_one_process(chosen)
    place.require_own()
    _require_buildable(place, chosen)
    place.describe()
    write_tables(place)
    for run in chosen:
        if all(each.report is not None for each in place.outcomes([run])):
            continue
        _finish(place, run)
        write_tables(place)
        if run_ended is not None:
            run_ended(place.outcomes([run]))
    return place.outcomes()


# -- before the first run ----------------------------------------------------------------------


def _require_one_process(runs: Sequence[GridRun]) -> None:
    if any(prod(process_counts(run.recipe.run)) > 1 for run in runs):
        raise UsageError(
            "a grid trains in one process, torchrun started several",
            hint="start it without torchrun, or train its runs one by one",
        )


def _require_buildable(place: GridFolder, runs: Iterable[GridRun]) -> None:
    built: set[str] = set()
    fingerprints: dict[str, dict[str, str]] = {}
    for run in runs:
        recipe = run.recipe
        same_parts = repr(replace(recipe, run=replace(recipe.run, seed=0)))
        try:
            if same_parts not in built:
                _require_fitting(recipe, place.grid)
                _require_evaluations(run)
            _require_same_data(place, run, fingerprints)
        except CrowdkitError as error:
            error.message = f"{run.label}: {error.message}"
            raise
        built.add(same_parts)


def _require_fitting(recipe: Recipe, grid: Grid) -> None:
    task, trainer = build(recipe)
    _require_stages(grid.stages, [plan.name for plan in trainer.stages(task)], trainer)
    images = recipe.create("dataset", split=grid.split)
    if len(images) == 0:
        raise UsageError(f"{images.label} has no {grid.split} image to evaluate on")
    localizer = recipe.create("localizer") if recipe.localizer else None
    if localizer is not None:
        require_fit(localizer, task.counter)
    require_metrics(asked_metrics(grid.metrics), task.counter, task.density_generator, localizer)


def _require_evaluations(run: GridRun) -> None:
    """Their parts can be made; weights are at hand only after training."""
    for recipe in run.evaluations.values():
        recipe.create("counter")
        if recipe.localizer:
            recipe.create("localizer")


def _require_stages(asked: Sequence[str], known: Sequence[str], trainer: Trainer) -> None:
    if asked and len(known) == 1:
        raise UsageError(f"{trainer.label} has a single stage", hint="leave out grid.stages")
    if unknown := [name for name in asked if name not in known]:
        raise UsageError(
            f"{trainer.label} has no stage {unknown[0]!r}", hint=f"stages: {', '.join(known)}"
        )


def _require_same_data(
    place: GridFolder, run: GridRun, fingerprints: dict[str, dict[str, str]]
) -> None:
    """Finished runs are compared with those to come: they must have seen the same images."""
    folder = place.run_folder(run)
    if not (folder / DATA_FILE).exists():
        return
    recipe = run.recipe
    key = repr((recipe.dataset, recipe.run.validate_on))
    if key not in fingerprints:
        splits = {"train": "train", "validation": recipe.run.validate_on}
        fingerprints[key] = {
            name: fingerprint(recipe.create("dataset", split=split))
            for name, split in splits.items()
        }
    path = folder / DATA_FILE
    read_record(path).require_same_images(fingerprints[key], path)


# -- one run -----------------------------------------------------------------------------------


def _finish(place: GridFolder, run: GridRun) -> None:
    try:
        recipe = place.recipe(run)
        result = train_recipe(recipe)
        for outcome in place.outcomes([run]):
            place.keep_report(
                outcome, _evaluate(outcome.recipe, result, place.weights(outcome), place.grid)
            )
    except CrowdkitError as error:
        place.keep_error(run, error.message)
    except torch.OutOfMemoryError as error:
        place.keep_error(run, f"out of memory: {str(error).splitlines()[0]}")


def _evaluate(recipe: Recipe, result: TrainingResult, weights: Path, grid: Grid) -> Report:
    """As `crowdkit eval` does with the run folder."""
    budget = {
        "epochs": len(result.history),
        "seconds": round(sum(record["seconds"] for record in result.history), 3),
    }
    parts = evaluation_parts(recipe, weights, grid.split, grid.metrics)
    parts["stamp"] |= budget
    report = evaluate(
        **parts,
        device=Fabric(accelerator=recipe.run.accelerator, devices=1).device,
        tile="auto",
        progress=hooks().evaluation_progress,
    )
    if unknown := [name for name in grid.counts if name not in report.scores]:
        raise UsageError(
            f"{parts['counter'].label} gives no count named {unknown[0]!r}",
            hint=f"grid.counts: {', '.join(list(report.scores)[1:]) or 'it gives none'}",
        )
    return report
