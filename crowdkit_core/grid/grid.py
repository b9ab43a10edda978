"""The value that describes a grid of runs."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Split
from crowdkit_core.settings import Recipe
from crowdkit_core.spelling import did_you_mean

Weights = Literal["best", "last"]
SEED = "run.seed"
STAGE = "stage"
EVALUATION = "evaluation"


def folder_name(label: str) -> str:
    """A label as a folder's name.

    Example:
        >>> folder_name("DMS-SSIM + L2 (ours)")
        'DMS-SSIM-+-L2-ours'
    """
    return re.sub(r"[^\w.,+=-]+", "-", label).strip("-.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRun:
    """One run of a grid.

    Attributes:
        labels: Where it stands on each axis.
        replicate: Its value of what the replicates differ in, as text.
        folder: Its run folder, relative to the grid's.
        recipe: What it trains; its ``run.directory`` is left to whoever runs it.
        evaluations: By label what its weights are evaluated as, where that is several things.
    """

    labels: tuple[str, ...]
    replicate: str
    folder: Path
    recipe: Recipe
    evaluations: Mapping[str, Recipe] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name in messages: its folder."""
        return self.folder.as_posix()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Every combination of the values of its axes, several times over.

    Attributes:
        source: Name or file it was read from.
        overrides: Settings on top of every run.
        document: The tables as they were read, for people.
        axes: Labels by name of the axis: none, rows, or rows and columns.
        replicate: Dotted name of the setting in which the runs of a cell differ.
        split: Images the runs are evaluated on.
        weights: Which weights of a run are evaluated.
        stages: The trainer's stages whose weights are evaluated each; the run's result if none.
        evaluations: Labels of the settings that the weights of each run are evaluated with.
        counts: Alternative counts that are in the tables too, by name.
        metrics: Further metrics of the evaluations, by name.
        runs: All of them, in the order they are run in: each cell once before any twice.
    """

    source: str
    overrides: tuple[str, ...]
    document: Mapping[str, Any]
    axes: Mapping[str, tuple[str, ...]]
    replicate: str
    split: Split
    weights: Weights
    stages: tuple[str, ...]
    evaluations: tuple[str, ...]
    counts: tuple[str, ...]
    metrics: tuple[str, ...]
    runs: tuple[GridRun, ...]

    @property
    def table_axes(self) -> dict[str, tuple[str, ...]]:
        """The axes of its table: its own, the stages, and what weights are evaluated as."""
        more = {STAGE: self.stages, EVALUATION: self.evaluations}
        return {**self.axes, **{name: labels for name, labels in more.items() if labels}}

    def command(self, folder: Path) -> str:
        """The command line that runs it."""
        settings = [part for text in self.overrides for part in ("--set", text)]
        return shlex.join(["crowdkit", "grid", self.source, *settings, "--output", str(folder)])

    def rows(self, only: Sequence[str] = ()) -> list[GridRun]:
        """The runs of some rows, or all runs.

        Args:
            only: Labels of the first axis; none stands for all.

        Raises:
            UsageError: There is no such row.
        """
        known = next(iter(self.axes.values()), ())
        for label in only:
            if label not in known:
                raise UsageError(
                    f"{self.source} has no row {label!r}{did_you_mean(label, known, before='; ')}",
                    hint=f"rows: {', '.join(known) or 'none, all its runs are replicates'}",
                )
        return [run for run in self.runs if not only or run.labels[0] in only]
