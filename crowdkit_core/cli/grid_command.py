"""`crowdkit grid`: train and evaluate every combination of a grid, into one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json

if TYPE_CHECKING:  # a grid brings torch along
    from collections.abc import Sequence

    from crowdkit_core.grid import Outcome
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
    from crowdkit_core.grid.scores import further_scores
    from crowdkit_core.tables import table

    loaded = load_grid(grid, overrides=overrides)
    chosen = loaded.rows(only)
    place = GridFolder(output, loaded)
    if dry_run:
        place.require_own()
        runs = place.outcomes(chosen)
        click.echo(table([[each.label, each.state] for each in runs], ["run", "state"]))
        return
    if table_only:
        place.require_own(existing=True)
        write_tables(place)
    else:

        def show(outcomes: "Sequence[Outcome]") -> None:
            for outcome in outcomes:
                click.echo(_line(outcome), err=as_json)
            if outcomes[-1].report is not None:
                _draw_curve(place.run_folder(outcomes[-1].run))

        run_grid(loaded, output, only=only, run_ended=show)
    outcomes = place.outcomes(chosen)
    if as_json:
        further = further_scores(outcomes, loaded.counts)
        print_json({"folder": output, "runs": [_plain(each, further) for each in outcomes]})
    else:
        click.echo(f"\n{markdown(place)}\n\nwritten to {output}")
    if failed := dict.fromkeys(each.run.label for each in outcomes if each.error):
        raise CrowdkitError(
            f"{len(failed)} of {len(chosen)} runs failed: {', '.join(failed)}",
            hint="runs.csv has the reasons; the same command tries them again",
        )


def _line(outcome: "Outcome") -> str:
    if outcome.report is None:
        return f"{outcome.label}: failed: {outcome.error}"
    mae, rmse = (outcome.score(metric)["value"] for metric in ("mae", "rmse"))
    return f"{outcome.label}: MAE {mae:.2f}, RMSE {rmse:.2f}"


def _draw_curve(folder: Path) -> None:
    from crowdkit_core.visual import read_epochs, save, training_curve

    save(training_curve(read_epochs(folder / "log.jsonl")), folder / "curve.png")


def _plain(outcome: "Outcome", further: "Sequence[Score]") -> dict[str, Any]:
    from crowdkit_core.grid.tables import columns

    place = {"labels": outcome.labels, "replicate": outcome.run.replicate}
    return {**place, **columns(outcome, further)}
