"""The folder of a grid: its runs, how each ended, and what may be written there."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import tomli_w

from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.evaluation import Report, write_report
from crowdkit_core.files import atomic_write
from crowdkit_core.folder_lock import locked
from crowdkit_core.grid.grid import Grid, GridRun, folder_name
from crowdkit_core.parsing import parse_json
from crowdkit_core.settings import Recipe, load_recipe
from crowdkit_core.settings.differences import deciding_settings, differences
from crowdkit_core.settings.run_names import RECIPE_FILE
from crowdkit_core.training.run_record import DATA_FILE

GRID_FILE = "grid.toml"
ERROR_FILE = "error.txt"
JOBS = ".jobs"
"""Who does which run; no row has such a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """State and result of a run of a grid.

    Attributes:
        run: The run.
        stage: The stage that is evaluated; empty for the run's result.
        evaluation: Label of what the weights are evaluated as; empty for the run's own settings.
        report: Its evaluation as `evaluation.output.report_dict` gives it; None if unfinished.
        error: Why it failed, if it did.
    """

    run: GridRun
    stage: str = ""
    evaluation: str = ""
    report: Mapping[str, Any] | None = None
    error: str = ""

    @property
    def label(self) -> str:
        """Its name in messages."""
        return "/".join(filter(None, (self.run.label, self.stage, self.evaluation)))

    @property
    def recipe(self) -> Recipe:
        """What the weights are evaluated as."""
        return self.run.evaluations.get(self.evaluation, self.run.recipe)

    @property
    def labels(self) -> tuple[str, ...]:
        """Its label on each axis of the table."""
        return (*self.run.labels, *filter(None, (self.stage, self.evaluation)))

    @property
    def state(self) -> Literal["finished", "failed", "missing"]:
        """``finished``, ``failed`` or ``missing``."""
        if self.report is not None:
            return "finished"
        return "failed" if self.error else "missing"

    def score(self, metric: str) -> Mapping[str, float | None]:
        """``value``, ``low`` and ``high`` of ``mae``, ``rmse`` or ``nae`` of a finished run."""
        assert self.report is not None
        score: Mapping[str, float | None] = self.report["scores"]["count"][metric]
        return score


@dataclass(frozen=True, slots=True)
class GridFolder:
    """The folder of a grid.

    Attributes:
        path: The folder.
        grid: What is kept there.
    """

    path: Path
    grid: Grid

    def run_folder(self, run: GridRun) -> Path:
        """The run folder of a run."""
        return self.path / run.folder

    def recipe(self, run: GridRun) -> Recipe:
        """The recipe that starts a run in its folder, or goes on with it."""
        directory = self.run_folder(run)
        resume = (directory / DATA_FILE).exists()
        return replace(run.recipe, run=replace(run.recipe.run, directory=directory, resume=resume))

    def require_own(self, *, existing: bool = False) -> None:
        """Check that the folder is new, or holds this grid and nothing else; nothing is written.

        Args:
            existing: Whether a new folder is refused too.

        Raises:
            UsageError: It holds something else, or a run that began with other settings.
        """
        if existing and not (self.path / GRID_FILE).exists():
            raise UsageError(f"{self.path}: holds no grid")
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path}: is a file, expected a folder for the grid")
        if not self.path.exists() or not any(self.path.iterdir()):
            return
        if not (self.path / GRID_FILE).exists():
            raise UsageError(
                f"{self.path}: is not empty and holds no grid", hint="choose another --output"
            )
        runs = {run.folder: run for run in self.grid.runs}
        for file in sorted(self.path.rglob(RECIPE_FILE)):
            folder = file.parent.relative_to(self.path)
            if folder not in runs:
                raise UsageError(
                    f"{self.path}: holds {folder}, a run that {self.grid.source} does not have",
                    hint="choose another --output, or delete that run",
                )
            if changed := list(_changes(load_recipe(file), runs[folder].recipe)):
                raise UsageError(
                    f"{file.parent}: began with other settings: {'; '.join(changed)}",
                    hint="choose another --output, or delete that run to run it again",
                )

    def describe(self) -> None:
        """Write what the grid is, for people and as the mark of its folder."""
        text = f"# {self.grid.command(self.path)}\n{tomli_w.dumps(self.grid.document)}"
        _write_text(self.path / GRID_FILE, text)

    def outcomes(self, runs: Iterable[GridRun] | None = None) -> list[Outcome]:
        """State and result of runs, in their order: one each, or one for each evaluated stage.

        Args:
            runs: Some of the grid's; None for all.
        """
        return [
            self._outcome(run, stage, evaluation)
            for run in (self.grid.runs if runs is None else runs)
            for stage in self.grid.stages or ("",)
            for evaluation in self.grid.evaluations or ("",)
        ]

    def _outcome(self, run: GridRun, stage: str, evaluation: str) -> Outcome:
        outcome = Outcome(run=run, stage=stage, evaluation=evaluation)
        if (file := self._evaluation(outcome)).exists():
            return replace(outcome, report=_read_report(file))
        failed = self.run_folder(run) / ERROR_FILE
        error = failed.read_text(encoding="utf-8").strip() if failed.exists() else ""
        return replace(outcome, error=error)

    @property
    def jobs(self) -> Path:
        """Where it is kept who does which run, and what they print."""
        return self.path / JOBS

    def job_folder(self, run: GridRun) -> Path:
        """What is kept of who does a run; held by whoever does it."""
        return self.jobs / run.folder

    def claimed(self, run: GridRun, *, wait: float = 0.0) -> AbstractContextManager[None]:
        """Keep other processes out of a run.

        Args:
            run: One of the grid's.
            wait: Seconds to wait for one that is in it.

        Raises:
            FolderHeldError: One is in it.
        """
        return locked(self.job_folder(run), wait=wait)

    def is_finished(self, run: GridRun) -> bool:
        """Whether a run is trained, and evaluated as the grid asks."""
        return all(each.report is not None for each in self.outcomes([run]))

    def weights(self, outcome: Outcome) -> Path:
        """The weights that are evaluated."""
        return self.run_folder(outcome.run) / outcome.stage / f"{self.grid.weights}.safetensors"

    def keep_report(self, outcome: Outcome, report: Report) -> None:
        """Store the report of a run, or of a stage of it."""
        write_report(report, self._evaluation(outcome))
        (self.run_folder(outcome.run) / ERROR_FILE).unlink(missing_ok=True)

    def keep_error(self, run: GridRun, error: str) -> None:
        """Store the error of a failed run, which is tried again when the grid is."""
        _write_text(self.run_folder(run) / ERROR_FILE, error + "\n")

    def _evaluation(self, outcome: Outcome) -> Path:
        # Named by what was evaluated: another split needs no other training.
        evaluated = [self.grid.split, self.grid.weights, *self.grid.metrics, outcome.stage]
        name = "-".join(filter(None, [*evaluated, self._fingerprint(outcome)]))
        return self.run_folder(outcome.run) / f"evaluation-{name}.json"

    def _fingerprint(self, outcome: Outcome) -> str:
        """Of the settings of an evaluation: one whose settings have changed is done again."""
        if not outcome.evaluation:
            return ""
        recipe = outcome.recipe
        parts = repr([recipe.counter, recipe.dataset, recipe.density_generator, recipe.localizer])
        return f"{folder_name(outcome.evaluation)}-{sha256(parts.encode()).hexdigest()[:8]}"


def _changes(before: Recipe, now: Recipe) -> Iterator[str]:
    for key, (old, new) in differences(deciding_settings(before), deciding_settings(now)).items():
        was, is_now = ("not set" if each is None else each for each in (old, new))
        yield f"{key} was {was!r}, is {is_now!r}"


def _read_report(file: Path) -> Mapping[str, Any]:
    try:
        report = parse_json(file.read_text(encoding="utf-8"))
        if not all(isinstance(each, dict) for each in (report, *report["scores"].values())):
            raise TypeError("no table of scores")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{file}: cannot be read as the evaluation of a run: {error}",
            hint="delete it, and the run is evaluated again",
        ) from error
    return report  # type: ignore[no-any-return]  # checked above


def _write_text(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
