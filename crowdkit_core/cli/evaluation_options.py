"""Options of the commands that evaluate: which images, which metrics, where the report goes."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from crowdkit_core.cli.options import Decorator
from crowdkit_core.cli.output import json_option, print_json, say_text
from crowdkit_core.errors import UsageError
from crowdkit_core.registry.lookup import installed

if TYPE_CHECKING:  # evaluation brings torch along
    from crowdkit_core.evaluation import Report

FILE = click.Path(dir_okay=False, path_type=Path)
METRICS = ", ".join(installed("metric"))
"""Names of all metrics, found without importing any."""

PROTOCOL_NAMES = "nwpu, shanghaitech, qnrf"
"""Written out so that help needs no torch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOutput:
    """Where a report goes.

    Attributes:
        csv: File for a line per image; None for none.
        report: File for everything as JSON; None for none.
        as_json: Print JSON instead of text.
    """

    csv: Path | None
    report: Path | None
    as_json: bool

    def show(self, report: "Report") -> None:
        """Write the files and print the report."""
        from crowdkit_core.evaluation import (
            format_report,
            report_dict,
            write_image_csv,
            write_report,
        )

        if self.csv is not None:
            write_image_csv(report.images, self.csv)
        if self.report is not None:
            write_report(report, self.report)
        if self.as_json:
            print_json(report_dict(report, images=False))
        else:
            say_text(format_report(report))


def report_options(command: Callable[..., None]) -> Any:
    """``--csv``, ``--report`` and ``--json``, given to a command as its ``output``."""

    @click.option("--csv", type=FILE, help="Write one line per image.")
    @click.option("--report", type=FILE, help="Write everything as JSON.")
    @json_option
    @functools.wraps(command)
    def with_output(csv: Path | None, report: Path | None, as_json: bool, **others: Any) -> None:
        command(output=ReportOutput(csv=csv, report=report, as_json=as_json), **others)

    return with_output


def checked_split(split: str) -> str:
    """A split by its name.

    Raises:
        UsageError: There is no such split.
    """
    from crowdkit_core.interfaces import Split

    if split not in get_args(Split):
        raise UsageError(f"--split {split!r}: expected one of {', '.join(get_args(Split))}")
    return split


def metric_names(text: str) -> tuple[str, ...]:
    """``ssim, psnr`` as names.

    Example:
        >>> metric_names("ssim, psnr"), metric_names("")
        (('ssim', 'psnr'), ())
    """
    return tuple(name.strip() for name in text.split(",")) if text else ()


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


split_option: Decorator = click.option(
    "--split",
    callback=lambda _context, _option, text: None if text is None else checked_split(text),
    help="train, validation, test or all. By default test, or where there are no test images what "
    "a RUN was validated on, of other data all; the report says which.",
)

radii_option: Decorator = click.option(
    "--radii",
    default="4,8",
    show_default=True,
    metavar="PIXELS,...",
    callback=lambda _context, _option, text: radii_of(text),
    help="How far a point may lie from its head.",
)


protocol_option: Decorator = click.option(
    "--protocol",
    metavar="NAME",
    help=f"Judge the points as a benchmark does: {PROTOCOL_NAMES}.",
)


def metrics_option(help: str) -> Decorator:
    """``--metrics``, given to a command as names."""
    return click.option(
        "--metrics",
        default="",
        metavar="NAME,...",
        callback=lambda _context, _option, text: metric_names(text),
        help=help,
    )
