"""Have the runs of a grid that are not finished trained and evaluated."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

from crowdkit_core.data import fingerprint
from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.evaluation.asked_metrics import asked_metrics, require_metrics
from crowdkit_core.grid.folder import GridFolder, Outcome
from crowdkit_core.grid.grid import Grid, GridRun
from crowdkit_core.grid.launching import Launcher, RunEnded, in_this_process
from crowdkit_core.grid.standing import standing
from crowdkit_core.grid.tables import write_tables
from crowdkit_core.interfaces import Trainer, require_fit
from crowdkit_core.settings import Recipe
from crowdkit_core.training import build
from crowdkit_core.training.processes import process_counts
from crowdkit_core.training.run_record import DATA_FILE, read_record


def run_grid(
    grid: Grid,
    folder: str | Path,
    *,
    only: Sequence[str] = (),
    run_ended: RunEnded | None = None,
    launcher: Launcher = in_this_process,
) -> list[Outcome]:
    """Train and evaluate every run of a grid that is not finished, and write its tables.

    All combinations are built and checked before the first is trained. Each run has an ordinary run
    folder below ``folder``; ``runs.csv`` and ``table.md`` are rewritten after each. Interrupted and
    called again, it goes on where it was and ends with the same numbers; runs may be added to the
    grid in between. A run that fails is noted with its error, and the others go on; the next call
    tries it again. A run that another process is in, or a job that waits, is left to it.

    Args:
        grid: From `load_grid`.
        folder: New, or that of the same grid.
        only: Run only these rows, by label.
        run_ended: Called after each run that was trained here.
        launcher: Where and how runs are trained: in this process one after the other, or one of
            `crowdkit_core.grid`.

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
    states = standing(place, chosen)
    to_do = [run for run in chosen if states[run.label].is_open]
    launcher(place, to_do, run_ended or (lambda _outcomes: None))
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
