"""`crowdkit eval --points-file`: scoring the points of another tool."""

import math
from pathlib import Path

from crowdkit_core.cli.components import only_sections
from crowdkit_core.data.annotations import FORMATS, format_named, read_annotations, recognise
from crowdkit_core.errors import UsageError
from crowdkit_core.evaluation import Report, evaluate_points
from crowdkit_core.interfaces import Split
from crowdkit_core.registry import create
from crowdkit_core.settings import parse_overrides


def score_points_file(
    file: Path,
    format: str | None,
    dataset: str | None,
    *,
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
    name = format_named(format) or recognise(file)
    found = read_annotations(file, format=name)
    report = evaluate_points(
        found,
        create("dataset", dataset, **options, split=split),
        source=str(file),
        radii=radii,
        missing="empty" if missing_as_empty else "error",
        stamp={"format": FORMATS[name].title},
    )
    if metrics and not report.average_precision:
        raise UsageError(f"{file}: --metrics ap needs a score for every point")
    return report


def no_counter(**options: object) -> None:
    """Refuse options that need a counter.

    Raises:
        UsageError: One was given.
    """
    for name, value in options.items():
        if value not in (None, "") and (name, value) != ("metrics", "ap"):
            option = "RUN" if name == "run" else f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} does not go with --points-file, which needs no counter")


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
