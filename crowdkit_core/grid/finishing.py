"""Finish one run of a grid, wherever it is done."""

from pathlib import Path

import torch
from lightning_fabric import Fabric

from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.evaluation import Report, evaluate
from crowdkit_core.evaluation.parts import evaluation_parts
from crowdkit_core.grid.folder import GridFolder
from crowdkit_core.grid.grid import Grid, GridRun
from crowdkit_core.grid.tables import write_tables
from crowdkit_core.registry.hooks import hooks
from crowdkit_core.settings import Recipe
from crowdkit_core.training import TrainingResult, train_recipe


def finish_run(place: GridFolder, run: GridRun, *, wait: float = 0.0) -> None:
    """Train and evaluate a run, unless it is finished; its error is kept if it fails.

    Args:
        place: The grid's folder.
        run: One of its runs.
        wait: Seconds to wait for another process that is in it.

    Raises:
        FolderHeldError: Another process is in it.
    """
    with place.claimed(run, wait=wait):
        if not place.is_finished(run):
            _finish(place, run)
    write_tables(place)


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
