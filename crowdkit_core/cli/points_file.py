"""`crowdkit eval --points-file`: scoring the points of another tool."""

import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import click
from click.core import ParameterSource

from crowdkit_core.cli.components import only_sections
from crowdkit_core.data.annotations import (
    FORMATS,
    Columns,
    FormatName,
    MarkedImage,
    format_named,
    read_annotations,
    recognise,
)
from crowdkit_core.errors import UsageError
from crowdkit_core.evaluation import Report, evaluate_points
from crowdkit_core.interfaces import Split
from crowdkit_core.registry import create
from crowdkit_core.settings import parse_overrides

OF_POINTS = ("points_format", "points_columns", "missing_as_empty")
"""Options that belong to --points-file alone."""

OF_BOTH = ("dataset", "split", "metrics", "overrides", "csv", "report_file", "radii", "as_json")
"""Options with and without a counter."""


def score_points_file(
    file: Path,
    dataset: str | None,
    *,
    format: str | None,
    columns: str | None,
    split: Split,
    overrides: tuple[str, ...],
    radii: tuple[float, ...],
    metrics: str,
    missing_as_empty: bool,
) -> Report:
    """The report of a points file on a dataset.

    Raises:
        UsageError: No dataset is named, or an option is wrong.
        DataError: The file cannot be read, or its images are not those of the dataset.
    """
    if dataset is None:
        raise UsageError("--points-file needs --dataset, whose heads it is compared with")
    options = only_sections(parse_overrides(overrides), "dataset")["dataset"]
    if metrics not in ("", "ap"):
        raise UsageError(f"--metrics {metrics!r} does not go with --points-file, only ap does")
    named = None if columns is None else columns_of(columns)
    name = format_named(format) or recognise(file)
    found = read_annotations(file, format=name, columns=named)
    report = evaluate_points(
        found,
        create("dataset", dataset, **options, split=split),
        source=str(file),
        radii=radii,
        missing="empty" if missing_as_empty else "error",
        stamp={"format": FORMATS[name].title},
    )
    if metrics and not report.average_precision:
        raise _without_scores(file, name, found)
    return report


def refuse_others(context: click.Context) -> None:
    """Refuse options of counters beside --points-file, and those of points files without it.

    Raises:
        UsageError: One was given.
    """
    given = [
        parameter
        for parameter in context.command.params
        if context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    with_points = "points_file" in [parameter.name for parameter in given]
    for parameter in given:
        option = "RUN" if isinstance(parameter, click.Argument) else parameter.opts[-1]
        if with_points and parameter.name not in ("points_file", *OF_POINTS, *OF_BOTH):
            raise UsageError(f"{option} does not go with --points-file, which needs no counter")
        if not with_points and parameter.name in OF_POINTS:
            raise UsageError(f"{option} without --points-file")


def columns_of(text: str) -> Columns:
    """``image=filename,score=confidence`` as the names of columns.

    Raises:
        UsageError: It is not of that form, or there is no such column.

    Example:
        >>> columns_of("image=filename,score=confidence").score
        'confidence'
    """
    known = [field.name for field in fields(Columns)]
    names = dict(part.partition("=")[::2] for part in text.split(","))
    for name, column in names.items():
        if name not in known or not column:
            raise UsageError(
                f"--points-columns {text!r}: expected such as image=filename,score=confidence",
                hint=f"columns: {', '.join(known)}",
            )
    return Columns(**names)


def radii_of(text: str) -> tuple[float, ...]:
    """``4,8`` as numbers of pixels.

    Raises:
        UsageError: They are no positive numbers.

    Example:
        >>> radii_of("4,8")
        (4.0, 8.0)
    """
    try:
        radii = tuple(float(each) for each in text.split(","))
    except ValueError as error:
        raise UsageError(f"--radii {text!r}: expected numbers of pixels, such as 4,8") from error
    if not all(math.isfinite(radius) and radius > 0 for radius in radii):
        raise UsageError(f"--radii {text!r}: expected positive numbers of pixels")
    return radii


def _without_scores(file: Path, format: FormatName, found: Sequence[MarkedImage]) -> UsageError:
    marks = [mark for image in found for mark in image.marks]
    lacking = sum(mark.score is None for mark in marks)
    if FORMATS[format].has_columns:
        hint = "scores are the column `score`, or another: --points-columns score=NAME"
    else:
        scored = [name for name, each in FORMATS.items() if "scores" in each.carries]
        hint = f"formats with scores: {', '.join(scored)}"
    return UsageError(
        f"{file}: --metrics ap needs a score for every point, and {lacking} of {len(marks)} have "
        "none",
        hint=hint,
    )
