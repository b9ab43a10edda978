"""`crowdkit grid`: train and evaluate every combination of a grid, into one table."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.cli.interruption import resumable
from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json

if TYPE_CHECKING:  # a grid brings torch along
    from collections.abc import Mapping, Sequence

    from crowdkit_core.grid import Launcher, Outcome, Standing
    from crowdkit_core.grid.scores import Score


@click.command("grid")
@click.argument("grid")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The grid's folder; a grid started there goes on.",
)
@click.option("--only", multiple=True, metavar="LABEL", help="Run only this row; repeatable.")
@set_option
@click.option("--dry-run", is_flag=True, help="Check all settings, print the runs and stop.")
@click.option("--table-only", is_flag=True, help="Write the tables of what is finished and stop.")
@click.option(
    "--launcher",
    type=click.Choice(["local", "slurm"]),
    help="Do the runs in processes of this machine, or submit them to Slurm and return.",
)
@click.option("--jobs", type=int, metavar="N", help="With --launcher: most runs at a time.")
@click.option(
    "--slurm",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of the Slurm jobs, such as timeout_min=600, partition=gpu or "
    "gpus_per_node=1; repeatable.",
)
@json_option
def grid_command(
    grid: str,
    output: Path,
    only: tuple[str, ...],
    overrides: tuple[str, ...],
    dry_run: bool,
    table_only: bool,
    launcher: str | None,
    jobs: int | None,
    slurm: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run GRID: a grid's name (crowdkit list grid), or a TOML file with a [grid] table.

    Trains and evaluates each of its runs in a folder below --output, and writes runs.csv and
    table.md there. The same command goes on with what is not finished and in no other hands.
    """
    from crowdkit_core.errors import CrowdkitError
    from crowdkit_core.grid import (
        GridFolder,
        Standing,
        load_grid,
        markdown,
        run_grid,
        standing,
        write_tables,
    )
    from crowdkit_core.grid.scores import further_scores
    from crowdkit_core.grid.submitted import LOGS
    from crowdkit_core.tables import table

    loaded = load_grid(grid, overrides=overrides)
    chosen = loaded.rows(only)
    place = GridFolder(output, loaded)
    if dry_run:
        place.require_own()
        states = standing(place, chosen)
        runs = [(each.label, _state(each, states)) for each in place.outcomes(chosen)]
        click.echo(table([list(run) for run in runs], ["run", "state"]))
        return
    if table_only:
        place.require_own(existing=True)
        write_tables(place)
    else:
        chosen_launcher = _launcher(launcher, jobs, slurm)

        def show(outcomes: "Sequence[Outcome]") -> None:
            for outcome in outcomes:
                click.echo(_line(outcome), err=as_json)

        with resumable(lambda: "finished epochs are kept; the same command goes on"):
            run_grid(loaded, output, only=only, run_ended=show, launcher=chosen_launcher)
    outcomes = place.outcomes(chosen)
    states = (
        {each.run.label: Standing(each.state) for each in outcomes}  # asks no scheduler
        if table_only
        else standing(place, chosen)
    )
    for run in chosen:
        if states[run.label].state == "finished":
            _draw_curve(place.run_folder(run))
    if as_json:
        further = further_scores(outcomes, loaded.counts)
        print_json({"folder": output, "runs": [_plain(each, states, further) for each in outcomes]})
    elif any(each.is_in_hands for each in states.values()):
        rows = [[label, each.state, each.job] for label, each in states.items()]
        click.echo(table(rows, ["run", "state", "job"]))
        click.echo(f"\n{_numbers(states)}; the same command shows how they stand")
        return
    else:
        click.echo(f"\n{markdown(place)}\n\nwritten to {output}")
    if failed := dict.fromkeys(each.run.label for each in outcomes if each.error):
        raise CrowdkitError(
            f"{len(failed)} of {len(chosen)} runs failed: {', '.join(failed)}",
            hint="runs.csv has the reasons; the same command tries them again",
        )
    stopped = [label for label, each in states.items() if each.is_open]
    if stopped and not table_only:
        raise CrowdkitError(
            f"{len(stopped)} of {len(chosen)} runs were stopped: {', '.join(stopped)}",
            hint=f"the same command goes on with them; what they printed is in {output / LOGS}",
        )


def _launcher(name: str | None, jobs: int | None, slurm: tuple[str, ...]) -> "Launcher":
    from crowdkit_core.errors import UsageError
    from crowdkit_core.grid import LocalJobs, SlurmJobs, in_this_process
    from crowdkit_core.settings import parse_overrides

    if slurm and name != "slurm":
        raise UsageError("--slurm without --launcher slurm")
    if jobs is not None and name is None:
        raise UsageError("--jobs without --launcher", hint="--launcher local, or slurm")
    if name == "local":
        return LocalJobs(jobs)
    if name == "slurm":
        parameters = parse_overrides([f"slurm.{text}" for text in slurm]).get("slurm", {})
        return SlurmJobs(parameters, jobs)
    return in_this_process


def _state(outcome: "Outcome", states: "Mapping[str, Standing]") -> str:
    return "finished" if outcome.report is not None else states[outcome.run.label].state


def _numbers(states: "Mapping[str, Standing]") -> str:
    """``3 runs: 2 queued, 1 finished``."""
    numbers = Counter(each.state for each in states.values())
    parts = (f"{number} {state}" for state, number in numbers.items())
    return f"{len(states)} run{'s' * (len(states) > 1)}: {', '.join(parts)}"


def _line(outcome: "Outcome") -> str:
    if outcome.report is None:
        why = f"failed: {outcome.error}" if outcome.error else "stopped before its end"
        return f"{outcome.label}: {why}"
    mae, rmse = (outcome.score(metric)["value"] for metric in ("mae", "rmse"))
    return f"{outcome.label}: MAE {mae:.2f}, RMSE {rmse:.2f}"


def _draw_curve(folder: Path) -> None:
    from crowdkit_core.visual import read_epochs, save, training_curve

    log, curve = folder / "log.jsonl", folder / "curve.png"
    if not curve.exists() or curve.stat().st_mtime < log.stat().st_mtime:
        save(training_curve(read_epochs(log)), curve)


def _plain(
    outcome: "Outcome", states: "Mapping[str, Standing]", further: "Sequence[Score]"
) -> dict[str, Any]:
    from crowdkit_core.grid.tables import columns

    place = {"labels": outcome.labels, "replicate": outcome.run.replicate}
    now = {"state": _state(outcome, states), "job": states[outcome.run.label].job}
    return {**place, **columns(outcome, further), **now}
