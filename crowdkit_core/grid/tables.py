"""Write the results of a grid: a line for each run, and mean and spread of each cell."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import timedelta
from statistics import fmean, stdev
from typing import Any

from crowdkit_core.files import atomic_write
from crowdkit_core.folder_lock import locked
from crowdkit_core.grid.folder import GridFolder, Outcome
from crowdkit_core.grid.grid import SEED, Grid
from crowdkit_core.grid.scores import COUNT_SCORES, Score, further_scores
from crowdkit_core.settings import ComponentSettings

RUNS_FILE = "runs.csv"
TABLE_FILE = "table.md"
REFERENCE = "predicting the training mean"

LONGEST_TURN = 60.0
"""Seconds within which others have written their tables."""

Row = Sequence[str]


def write_tables(place: GridFolder) -> None:
    """Write ``runs.csv`` and ``table.md`` from the runs as they stand, each atomically.

    One process after the other, so that what the last one writes has the runs of all.
    """
    with locked(place.path, wait=LONGEST_TURN):
        _write_tables(place)


def _write_tables(place: GridFolder) -> None:
    grid, outcomes = place.grid, place.outcomes()
    with (
        atomic_write(place.path / RUNS_FILE) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer, further = csv.writer(file), further_scores(outcomes, grid.counts)
        writer.writerow([*grid.table_axes, grid.replicate, *columns(outcomes[0], further)])
        for each in outcomes:
            values = columns(each, further).values()
            writer.writerow([*each.labels, each.run.replicate, *values])
    with atomic_write(place.path / TABLE_FILE) as temporary:
        temporary.write_text(markdown(place) + "\n", encoding="utf-8")


def markdown(place: GridFolder) -> str:
    """The table of a grid, under a head with the command and the data."""
    grid, outcomes = place.grid, place.outcomes()
    lines = [f"# {grid.source}", "", "```text", grid.command(place.path), "```", ""]
    lines += [f"- {fact}" for fact in _facts(grid, outcomes)]
    scores = (*COUNT_SCORES, *further_scores(outcomes, grid.counts))
    if len(grid.table_axes) < 2:
        rows = [
            [_label(row), *(_cell(_of(outcomes, row), score) for score in scores)]
            for row in _rows(grid)
        ]
        reference = [[REFERENCE, _reference(outcomes), *["-"] * (len(scores) - 1)]]
        header = [next(iter(grid.table_axes), ""), *(score.title for score in scores)]
        return "\n".join([*lines, "", *_table(header, rows + reference)])
    labels = list(grid.table_axes.values())[1]
    for score in scores:
        rows = [
            [*row, *(_cell(_of(outcomes, (*row, label)), score) for label in labels)]
            for row in _rows(grid)
        ]
        if score.column == "mae":
            below = [[each for each in outcomes if each.labels[1] == c] for c in labels]
            rows.append([REFERENCE, *map(_reference, below)])
        header = [" / ".join(grid.table_axes), *labels]
        lines += ["", f"## {score.title}", "", *_table(header, rows)]
    return "\n".join(lines)


# -- lines of runs.csv -------------------------------------------------------------------------


def columns(outcome: Outcome, further: Sequence[Score] = ()) -> dict[str, Any]:
    """Columns of ``runs.csv`` for a run besides its labels; None for what is not known yet.

    Args:
        outcome: The run.
        further: From `further_scores` of all outcomes.
    """
    report = outcome.report or {}
    score, stamp = report.get("scores", {}).get("count", {}), report.get("stamp", {})
    mae = score.get("mae", {})
    return {
        "state": outcome.state,
        "mae": mae.get("value"),
        "mae_low": mae.get("low"),
        "mae_high": mae.get("high"),
        "rmse": score.get("rmse", {}).get("value"),
        "nae": score.get("nae", {}).get("value"),
        "baseline_mae": report.get("baseline_mae"),
        **{score.column: score.of(outcome).get("value") for score in further},
        "images": score.get("images"),
        "epochs": stamp.get("epochs"),
        "seconds": stamp.get("seconds"),
        "run": outcome.run.folder.as_posix(),
        "error": outcome.error,
    }


# -- the head of table.md ----------------------------------------------------------------------


def _facts(grid: Grid, outcomes: Sequence[Outcome]) -> Iterator[str]:
    reports = [each.report for each in outcomes if each.report is not None]
    trained = {each.run.label: each.report["stamp"] for each in outcomes if each.report is not None}
    yield f"the same in all runs: {', '.join(_common_parts(grid))}"
    replicates = list(dict.fromkeys(run.replicate for run in grid.runs))
    yield f"{grid.replicate}: {', '.join(replicates)}"
    if grid.replicate != SEED:
        yield f"{SEED}: {_range(run.recipe.run.seed for run in grid.runs)}"
    if reports:
        stamps = trained.values()
        seconds = timedelta(seconds=round(sum(stamp["seconds"] for stamp in stamps)))
        yield f"epochs of a run: {_range(stamp['epochs'] for stamp in stamps)}"
        yield f"training time of {len(trained)} runs together: {seconds}"
        images = _range(report["scores"]["count"]["images"] for report in reports)
        yield f"evaluated on {images} {grid.split} images with the {grid.weights} weights"
        yield from sorted({f"**{stamp['warning']}**" for stamp in stamps if "warning" in stamp})
    if len(replicates) > 1:
        yield f"mean ± sample standard deviation over {grid.replicate} (number of runs)"
    else:
        yield "brackets: 95 % bootstrap intervals over images"
    yield 'RMSE is what papers print as "MSE"'
    metrics = [about for each in reports for about in each["metrics"].values()]
    notes = [f"{about['title']}: {about['note']}" for about in metrics if about["note"]]
    yield from dict.fromkeys(notes)
    if len(reports) < len(outcomes):
        yield f"**unfinished: {len(trained)} of {len(grid.runs)} runs are done**"
    errors = {each.run.label: each.error for each in outcomes if each.error}
    yield from (f"failed: {label}: {error}" for label, error in errors.items())


def _common_parts(grid: Grid) -> Iterator[str]:
    recipes = [run.recipe for run in grid.runs]
    for each in fields(recipes[0]):
        settings = getattr(recipes[0], each.name)
        if isinstance(settings, ComponentSettings) and all(
            getattr(recipe, each.name) == settings for recipe in recipes
        ):
            yield f"{each.name.replace('_', ' ')} `{settings.name}`"


def _range(values: Iterable[int]) -> str:
    """One number, or the least and the greatest.

    Example:
        >>> _range([10, 10]), _range([10, 9])
        ('10', '9 to 10')
    """
    different = sorted(set(values))
    return " to ".join(map(str, dict.fromkeys((different[0], different[-1]))))


# -- cells -------------------------------------------------------------------------------------


def _rows(grid: Grid) -> list[tuple[str, ...]]:
    first = next(iter(grid.table_axes.values()), None)
    return [()] if first is None else [(label,) for label in first]


def _label(row: tuple[str, ...]) -> str:
    return row[0] if row else "all runs"


def _of(outcomes: Sequence[Outcome], labels: tuple[str, ...]) -> list[Outcome]:
    return [each for each in outcomes if each.labels == labels]


def _cell(outcomes: Sequence[Outcome], score: Score) -> str:
    """A cell's finished replicates, and how many are not."""
    finished = [score.of(each) for each in outcomes if each.report is not None]
    if not finished:
        return "failed" if any(each.error for each in outcomes) else "missing"
    values = [value for each in finished if (value := each.get("value")) is not None]
    if not values:
        return "-"
    if len(outcomes) == 1:
        ends = [end for name in ("low", "high") if (end := finished[0].get(name)) is not None]
        interval = ", ".join(f"{end:.{score.digits}f}" for end in ends)
        return _spread(values, score.digits) + (f" [{interval}]" if interval else "")
    number = len(values) if len(values) == len(outcomes) else f"{len(values)} of {len(outcomes)}"
    return f"{_spread(values, score.digits)} ({number})"


def _spread(values: Sequence[float], digits: int = 2) -> str:
    """Mean and sample standard deviation.

    Example:
        >>> _spread([10.0, 12.0, 14.0])
        '12.00 ± 2.00'
    """
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{spread}"


def _reference(outcomes: Sequence[Outcome]) -> str:
    """MAE of predicting the training mean in each replicate, where all runs share their images."""
    found: dict[str, set[float]] = {}
    for each in outcomes:
        if each.report is not None and each.report["baseline_mae"] is not None:
            found.setdefault(each.run.replicate, set()).add(each.report["baseline_mae"])
    if not found:
        return "-"
    if any(len(values) > 1 for values in found.values()):
        return f"not the same in all rows, see {RUNS_FILE}"
    values = [value for (value,) in found.values()]
    return _spread(values if len(set(values)) > 1 else values[:1])


def _table(header: Row, rows: Iterable[Row]) -> Iterator[str]:
    for row in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
