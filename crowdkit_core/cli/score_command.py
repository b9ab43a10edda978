"""`crowdkit score`: points of other tools against the heads of a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdkit_core.cli.columns import columns_of, columns_option
from crowdkit_core.cli.evaluation_options import (
    ReportOutput,
    metrics_option,
    protocol_option,
    radii_option,
    report_options,
    split_option,
)
from crowdkit_core.cli.options import (
    READ_FORMATS,
    pixel_size_option,
    planes_option,
    set_option,
)

if TYPE_CHECKING:  # data brings torch along
    from crowdkit_core.data.annotations import Planes
    from crowdkit_core.interfaces import Split


@click.command("score")
@click.argument("points", type=click.Path(path_type=Path))
@click.option("--dataset", required=True, help="The dataset whose heads they are compared with.")
@split_option
@click.option("--format", help=f"Format of POINTS: {READ_FORMATS}; recognised by default.")
@columns_option
@pixel_size_option
@planes_option
@click.option(
    "--missing-as-empty",
    is_flag=True,
    help="An image that POINTS does not list is one where nobody was found.",
)
@radii_option
@protocol_option
@metrics_option("Further metrics of points, which all need a score then; such as ap.")
@set_option
@report_options
def score_command(
    points: Path,
    dataset: str,
    split: "Split | None",
    format: str | None,
    columns: str | None,
    pixel_size: float | None,
    planes: "Planes | None",
    missing_as_empty: bool,
    radii: tuple[float, ...],
    protocol: str | None,
    metrics: tuple[str, ...],
    overrides: tuple[str, ...],
    output: ReportOutput,
) -> None:
    """Score POINTS, a file or folder of points that any tool found, on --dataset."""
    from crowdkit_core.cli.components import only_sections, refuse_split
    from crowdkit_core.data.annotations import FORMATS, format_named, read_annotations, recognise
    from crowdkit_core.evaluation import evaluate_points
    from crowdkit_core.evaluation.chosen_split import chosen_images
    from crowdkit_core.registry import create
    from crowdkit_core.settings import parse_overrides

    refuse_split(overrides)
    options = only_sections(parse_overrides(overrides), "dataset")["dataset"]
    named = columns_of(columns)
    name = format_named(format) or recognise(points)
    images, choice = chosen_images(
        lambda each: create("dataset", dataset, **{**options, "split": each}),
        split,
        otherwise="all",
    )
    report = evaluate_points(
        read_annotations(
            points,
            format=name,
            columns=named,
            pixel_size=pixel_size,
            planes=planes or "one",
        ),
        images,
        source=str(points),
        radii=radii,
        metrics=metrics,
        protocol=protocol,
        missing="empty" if missing_as_empty else "error",
        stamp={**choice, "format": FORMATS[name].title},
    )
    output.show(report)
