"""`python -m crowdkit_onnx photo.jpg --model people.onnx`: count without torch."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from crowdkit_onnx.counting import Model, load
from crowdkit_onnx.errors import CountingError, UsageError
from crowdkit_onnx.result import Counted, points_found
from crowdkit_onnx.tables import (
    COUNT_COLUMNS,
    POINT_COLUMNS,
    count_row,
    point_rows,
    require_table,
    write_table,
)

NAME = "crowdkit_onnx"

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Count files and print or write what is asked for.

    Returns:
        0; 1 where a file could not be counted, or the model not be read; 2 for wrong usage.
    """
    asked = _parser().parse_args(arguments)
    try:
        for table in filter(None, (asked.csv, asked.points)):
            require_table(table)
        model = load(asked.model, level=asked.level, points=asked.points is not None)
        return _count_all(model, asked)
    except (CountingError, OSError) as error:
        _say(f"{NAME}: {error}", err=True)
        return 2 if isinstance(error, UsageError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        NAME, description="Count the people in images with a file that `crowdkit export` wrote."
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="Files of one image each.")
    parser.add_argument("--model", required=True, type=Path, help="The ONNX file.")
    parser.add_argument(
        "--level", type=float, help="Share of intervals that hold the actual count; 0.9 by default."
    )
    parser.add_argument("--csv", type=Path, help="Write the counts (.csv or .json).")
    parser.add_argument("--points", type=Path, help="Write the points with scores (.csv or .json).")
    parser.add_argument("--json", action="store_true", help="Print the counts as JSON.")
    parser.add_argument(
        "--quiet", action="store_true", help="Without the terms of use and notes on images."
    )
    return parser


def _count_all(model: Model, asked: argparse.Namespace) -> int:
    if model.metadata.terms and not asked.quiet:
        _say(f"terms of use of {asked.model}: {' '.join(model.metadata.terms.split())}", err=True)
    done: list[Counted] = []
    for image in dict.fromkeys(asked.images):
        try:
            counted = model(image)
        except CountingError as error:
            _say(f"{NAME}: {error}", err=True)
            continue
        done.append(counted)
        for note in () if asked.quiet else counted.notes:
            _say(f"{image}: {note}", err=True)
        if not asked.json:
            _say(f"{image}\t{counted.line}")
    _finish(done, asked)
    return 0 if len(done) == len(dict.fromkeys(asked.images)) else 1


def _finish(done: Sequence[Counted], asked: argparse.Namespace) -> None:
    """Write the files of all images, and show their sum."""
    rows = [count_row(each) for each in done]
    if done and asked.csv is not None:
        write_table(asked.csv, COUNT_COLUMNS, rows)
    if done and asked.points is not None:
        write_table(asked.points, POINT_COLUMNS, point_rows(done))
        _warn_of_difference(done, asked.points)
    if asked.json:
        print(_printable(json.dumps(rows, indent=2, ensure_ascii=False), keep="\n"))
    elif len(done) > 1:
        found = points_found(sum(each.found for each in done))
        apart = any(each.points_differ for each in done)
        print(f"{len(done)} images\t{_sum(done):.1f}{f', {found}' if apart else ''}")


def _warn_of_difference(done: Sequence[Counted], path: Path) -> None:
    if any(each.points_differ for each in done):
        found = points_found(sum(each.found for each in done))
        _say(
            f"{NAME}: {path} holds the {found}, which are not the {_sum(done):.0f} counted: look "
            "through them before use",
            err=True,
        )


def _sum(done: Sequence[Counted]) -> float:
    return sum(each.count for each in done)


def _say(line: str, *, err: bool = False) -> None:
    print(_printable(line), file=sys.stderr if err else sys.stdout)


def _printable(text: str, keep: str = "") -> str:
    """Text with what could control a terminal written out."""
    return _UNPRINTABLE.sub(
        lambda found: found[0] if found[0] in keep else f"\\u{ord(found[0]):04x}", text
    )


if __name__ == "__main__":
    sys.exit(main())
