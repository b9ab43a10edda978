"""The results of a grid: a line for each run, and mean and spread of each cell."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from statistics import fmean, stdev
from typing import Any

from crowdkit_core.evaluation.quality import AVERAGE_PRECISION, MAP_METRICS
from crowdkit_core.evaluation.report import SIGMAS
from crowdkit_core.files import atomic_write
from crowdkit_core.grid.folder import GridFolder, Outcome
from crowdkit_core.grid.grid import SEED, Grid
from crowdkit_core.settings import ComponentSettings

RUNS_FILE = "runs.csv"
TABLE_FILE = "table.md"
METRICS = {"MAE": "mae", "RMSE": "rmse"}
REFERENCE = "predicting the training mean"

Row = Sequence[str]


def write_tables(place: GridFolder) -> None:
    """Write ``runs.csv`` and ``table.md`` from the runs as they stand, each atomically."""
    grid, outcomes = place.grid, place.outcomes()
    with (
        atomic_write(place.path / RUNS_FILE) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow([*grid.table_axes, grid.replicate, *columns(outcomes[0], grid.metrics)])
        for each in outcomes:
            values = columns(each, grid.metrics).values()
            writer.writerow([*each.labels, each.run.replicate, *values])
    with atomic_write(place.path / TABLE_FILE) as temporary:
        temporary.write_text(markdown(place) + "\n", encoding="utf-8")


def markdown(place: GridFolder) -> str:
    """The table of a grid, under a head that says how it came about."""
    grid, outcomes = place.grid, place.outcomes()
    lines = [f"# {grid.source}", "", "```text", grid.command(place.path), "```", ""]
    lines += [f"- {fact}" for fact in _facts(grid, outcomes)]
    if len(grid.table_axes) < 2:
        rows = [
            [_label(row), *(_cell(_of(outcomes, row), metric) for metric in METRICS.values())]
            for row in _rows(grid)
        ]
        reference = [[REFERENCE, _reference(outcomes), "-"]]
        first = next(iter(grid.table_axes), "")
        return "\n".join([*lines, "", *_table([first, *METRICS], rows + reference)])
    labels = list(grid.table_axes.values())[1]
    for name, metric in METRICS.items():
        rows = [
            [*row, *(_cell(_of(outcomes, (*row, label)), metric) for label in labels)]
            for row in _rows(grid)
        ]
        if metric == "mae":
            below = [[each for each in outcomes if each.labels[1] == c] for c in labels]
            rows.append([REFERENCE, *map(_reference, below)])
        header = [" / ".join(grid.table_axes), *labels]
        lines += ["", f"## {name}", "", *_table(header, rows)]
    return "\n".join(lines)


# -- lines of runs.csv -------------------------------------------------------------------------


def columns(outcome: Outcome, metrics: Sequence[str] = ()) -> dict[str, Any]:
    """What ``runs.csv`` says of a run besides its labels; None for what is not known yet.

    Args:
        outcome: The run.
        metrics: The grid's further metrics: the mean over images of ``ssim`` and the like, and for
            ``ap`` the mean average precision of each sigma in pixels.
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
        **_further(report, metrics),
        "images": score.get("images"),
        "epochs": stamp.get("epochs"),
        "seconds": stamp.get("seconds"),
        "run": outcome.run.folder.as_posix(),
        "error": outcome.error,
    }


def _further(report: Mapping[str, Any], metrics: Sequence[str]) -> dict[str, float | None]:
    found: dict[str, float | None] = {
        name: report.get("quality", {}).get(name, {}).get("value")
        for name in metrics
        if name in MAP_METRICS
    }
    if AVERAGE_PRECISION in metrics:
        ranked = {each["sigma"]: each["mean_ap"] for each in report.get("average_precision", ())}
        found |= {f"{AVERAGE_PRECISION}_{sigma:g}px": ranked.get(sigma) for sigma in SIGMAS}
    return found


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
    if grid.metrics:
        yield f"{', '.join(grid.metrics)}: in {RUNS_FILE}"
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


def _cell(outcomes: Sequence[Outcome], metric: str) -> str:
    """A cell's finished replicates, and how many are not."""
    scores = [each.score(metric) for each in outcomes if each.report is not None]
    if not scores:
        return "failed" if any(each.error for each in outcomes) else "missing"
    if len(outcomes) == 1:
        value, low, high = (scores[0][name] for name in ("value", "low", "high"))
        return f"{value:.2f} [{low:.2f}, {high:.2f}]"
    number = len(scores) if len(scores) == len(outcomes) else f"{len(scores)} of {len(outcomes)}"
    values = [score["value"] for score in scores if score["value"] is not None]
    return f"{_spread(values)} ({number})"


def _spread(values: Sequence[float]) -> str:
    """Mean and sample standard deviation.

    Example:
        >>> _spread([10.0, 12.0, 14.0])
        '12.00 ± 2.00'
    """
    spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
    return f"{fmean(values):.2f}{spread}"


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
