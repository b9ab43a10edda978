"""`crowdkit grid`: train and evaluate every combination of a grid, into one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json

if TYPE_CHECKING:  # a grid brings torch along
    from crowdkit_core.grid import Outcome


@click.command("grid")
@click.argument("grid")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The grid's folder; a grid begun there goes on.",
)
@click.option("--only", multiple=True, metavar="LABEL", help="Run only this row; repeatable.")
@set_option
@click.option("--dry-run", is_flag=True, help="Check all settings, print the runs and stop.")
@click.option("--table-only", is_flag=True, help="Write the tables of what is finished and stop.")
@json_option
def grid_command(
    grid: str,
    output: Path,
    only: tuple[str, ...],
    overrides: tuple[str, ...],
    dry_run: bool,
    table_only: bool,
    as_json: bool,
) -> None:
    """Run GRID: a grid's name (crowdkit list grid), or a TOML file with a [grid] table.

    Trains and evaluates each of its runs in a folder below --output, and writes runs.csv and
    table.md there. The same command goes on with what is not finished.
    """
    from crowdkit_core.errors import CrowdkitError
    from crowdkit_core.grid import GridFolder, load_grid, markdown, run_grid, write_tables
    from crowdkit_core.tables import table

    loaded = load_grid(grid, overrides=overrides)
    chosen = loaded.rows(only)
    place = GridFolder(output, loaded)
    if dry_run:
        place.require_own()
        runs = [place.outcome(run) for run in chosen]
        click.echo(table([[each.run.label, each.state] for each in runs], ["run", "state"]))
        return
    if table_only:
        place.require_own(begun=True)
        write_tables(place)
    else:

        def told(outcome: "Outcome") -> None:
            click.echo(_line(outcome), err=as_json)
            if outcome.report is not None:
                _draw_curve(place.run_folder(outcome.run))

        run_grid(loaded, output, only=only, told=told)
    outcomes = [place.outcome(run) for run in chosen]
    if as_json:
        print_json({"folder": output, "runs": [_plain(each) for each in outcomes]})
    else:
        click.echo(f"\n{markdown(place)}\n\nwritten to {output}")
    if failed := [each.run.label for each in outcomes if each.error]:
        raise CrowdkitError(
            f"{len(failed)} of {len(outcomes)} runs failed: {', '.join(failed)}",
            hint="runs.csv has the reasons; the same command tries them again",
        )


def _line(outcome: "Outcome") -> str:
    if outcome.report is None:
        return f"{outcome.run.label}: failed: {outcome.error}"
    mae, rmse = (outcome.score(metric)["value"] for metric in ("mae", "rmse"))
    return f"{outcome.run.label}: MAE {mae:.2f}, RMSE {rmse:.2f}"


def _draw_curve(folder: Path) -> None:
    from crowdkit_core.visual import read_epochs, save, training_curve

    save(training_curve(read_epochs(folder / "log.jsonl")), folder / "curve.png")


def _plain(outcome: "Outcome") -> dict[str, Any]:
    from crowdkit_core.grid.tables import columns

    return {"labels": outcome.run.labels, "replicate": outcome.run.replicate, **columns(outcome)}
