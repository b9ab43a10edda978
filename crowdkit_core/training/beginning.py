"""Begin a run in its folder, or make sure that it goes on as it began."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from crowdkit_core.data import fingerprint
from crowdkit_core.interfaces import Dataset, StagePlan, Trainer, TrainingTask
from crowdkit_core.settings import Recipe, RunSettings, environment, recipe_text
from crowdkit_core.settings.differences import HOW_IT_RUNS, deciding_settings
from crowdkit_core.settings.run_names import ENVIRONMENT_FILE, RECIPE_FILE
from crowdkit_core.training.recording import record_parts
from crowdkit_core.training.run_folder import RunFolder
from crowdkit_core.training.run_record import DATA_FILE, RunRecord, read_record


def checked_record(
    folder: RunFolder,
    plans: Sequence[StagePlan],
    task: TrainingTask,
    run: RunSettings,
    recipe: Recipe | None,
) -> RunRecord:
    """What a run begins with, and for a resumed one that it is what it was; nothing is written.

    Raises:
        UsageError: The run in the folder began with something else.
        DataError: What is kept of it is damaged.
    """
    settings = _settings(run) if recipe is None else deciding_settings(recipe)
    path = folder.path / DATA_FILE
    before = read_record(path) if run.resume else RunRecord({}, {})
    if run.resume:
        before = before.completed(folder.path / RECIPE_FILE)
        before.require_same_settings(settings, folder.path)
        folder.require_no_more_epochs(plans)
    images = {"train": _described(task.train)}
    if task.validation is not None:
        images["validation"] = _described(task.validation)
    if run.resume:
        before.require_same_images(images, path)
    return RunRecord(images, {**before.settings, **settings})


def _described(dataset: Dataset) -> str:
    """Its fingerprint, and what is black and white in files of more than 8 bits."""
    known = dataset.value_range
    return fingerprint(dataset) + ("" if known is None else f", values {known}")


def _settings(run: RunSettings) -> dict[str, Any]:
    return {f"run.{key}": value for key, value in asdict(run).items() if key not in HOW_IT_RUNS}


def describe(
    folder: RunFolder,
    record: RunRecord,
    task: TrainingTask,
    trainer: Trainer,
    run: RunSettings,
    recipe: Recipe | None,
) -> None:
    """Write what the run is; the record comes last, as it is what a run is told by.

    Without a recipe it writes the one that the run's parts stand for, or why they stand for none.

    Raises:
        CrowdkitError: A file cannot be written.
    """
    folder.remove_leftovers()
    if recipe is None:
        record_parts(folder, task, trainer, run)
    else:
        folder.write_text(RECIPE_FILE, recipe_text(recipe))
    folder.write_text(ENVIRONMENT_FILE, json.dumps(environment(), indent=2) + "\n")
    folder.write_text(DATA_FILE, record.text())
