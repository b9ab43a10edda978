"""Draw the course of a training run: loss and validation error by epoch."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from crowdkit_core.errors import DataError
from crowdkit_core.parsing import parse_json
from crowdkit_core.visual.canvas import INK, new_figure

LOSS_COLOR, MAE_COLOR = "#6a4fc3", "#e4632d"


def read_epochs(log: str | Path) -> list[dict[str, Any]]:
    """The epoch records of a run's ``log.jsonl``, in the order they were trained.

    An epoch that was trained again after a resume counts once, as it was last. Half a line at the
    end, of a run that is going on or was cut off, is passed over.

    Raises:
        DataError: The file cannot be read or is no such log; names file and line.
    """
    epochs: dict[tuple[str, int], dict[str, Any]] = {}
    try:
        lines = Path(log).read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(f"{log}: cannot be read: {error}") from error
    for number, line in enumerate(lines[:-1], start=1):  # the last one has not been ended
        try:
            record = parse_json(line)
            if record["event"] == "epoch_ended":
                epochs[record["stage"], record["epoch"]] = record
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{log}, line {number}: not a record of a training run") from error
    return list(epochs.values())


def training_curve(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Picture the loss and, where it was validated, the MAE of each epoch.

    Stages follow one another along the axis, parted by dashed lines.

    Args:
        records: One per epoch with ``stage``, ``losses`` (``loss`` among them), and ``mae`` where
            validated: from `read_epochs`, or ``TrainingResult.history``.

    Raises:
        DataError: There is no epoch to show.
    """
    if not records:
        raise DataError("no epoch to draw: nothing has been trained yet")
    losses = _by_stage(records, lambda record: record["losses"]["loss"])
    errors = _by_stage(records, lambda record: record.get("mae"))
    figure = new_figure(900, 640 if any(errors) else 360)
    figure.set_layout_engine("constrained")
    rows = list(figure.subplots(2 if any(errors) else 1, 1, sharex=True, squeeze=False)[:, 0])
    _draw(rows[0], losses, "training loss", LOSS_COLOR)
    if all(loss > 0 for stage in losses for loss in stage.values()):
        rows[0].set_yscale("log")
    if any(errors):
        _draw(rows[1], errors, "validation MAE", MAE_COLOR)
        _mark_best(rows[1], errors)
        rows[1].set_ylim(bottom=0)
    _mark_stages(rows, [record["stage"] for record in records])
    rows[-1].set_xlabel("epoch")
    rows[-1].set_xlim(0.5, len(records) + 0.5)
    rows[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def _by_stage(
    records: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], float | None]
) -> list[dict[int, float]]:
    """Per stage the values by running number of the epoch, where there are any."""
    numbered = enumerate(records, start=1)
    return [
        {number: float(value) for number, each in stage if (value := read(each)) is not None}
        for _, stage in groupby(numbered, key=lambda pair: pair[1]["stage"])
    ]


def _draw(axes: Axes, stages: Sequence[Mapping[int, float]], label: str, color: str) -> None:
    for series in stages:
        axes.plot(
            list(series),
            list(series.values()),
            color=color,
            linewidth=2,
            marker="o",
            markersize=3 if len(series) > 1 else 6,
        )
    axes.set_ylabel(label, color=INK)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _mark_best(axes: Axes, stages: Sequence[Mapping[int, float]]) -> None:
    """Mark the lowest error of the last validated stage, whose weights are the run's result."""
    errors = [stage for stage in stages if stage][-1]
    best = min(errors, key=lambda number: errors[number])
    axes.plot(best, errors[best], "o", markersize=9, color=MAE_COLOR, markeredgecolor=INK)
    axes.annotate(
        f"best {errors[best]:.1f}",
        (best, errors[best]),
        xytext=(0, -10),
        textcoords="offset points",
        horizontalalignment="center",
        verticalalignment="top",
        color=INK,
    )


def _mark_stages(rows: Sequence[Axes], stages: Sequence[str]) -> None:
    starts = [i for i, stage in enumerate(stages) if i == 0 or stage != stages[i - 1]]
    if len(starts) == 1:
        return
    for start in starts:
        for axes in rows if start else ():
            axes.axvline(start + 0.5, color=INK, linewidth=1, linestyle="--", alpha=0.5)
        rows[0].annotate(
            f" {stages[start]}",
            (start + 0.5, 1),
            xycoords=("data", "axes fraction"),
            verticalalignment="bottom",
            color=INK,
        )
