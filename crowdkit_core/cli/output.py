"""How commands print: a table for people, JSON for programs."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

json_option: Callable[..., Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON instead of text."
)


def print_json(value: Any) -> None:
    """Print a JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Left-aligned columns under a header.

    Example:
        >>> print(table([["mcnn", "0.1.0"]], ["name", "version"]))
        name  version
        mcnn  0.1.0
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in
             [header, *rows]]
    return "\n".join(line.rstrip() for line in lines)
