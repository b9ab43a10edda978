"""Print JSON for programs."""

import json
import os
from collections.abc import Callable
from typing import Any

import click

from crowdkit_core.printable import printable

json_option: Callable[..., Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON instead of text."
)


def print_json(value: Any) -> None:
    """Print a JSON document on standard output."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    click.echo(printable(text, keep="\n"))  # within JSON its escapes are those of JSON


def say(line: str, *, err: bool = False) -> None:
    """Print a line that may hold names from files, as `printable` shows it."""
    click.echo(printable(line, keep="\t"), err=err)


def say_once(line: str) -> None:
    """Print a line on standard error, in the first of the processes that ``torchrun`` started."""
    if os.environ.get("RANK", "0") == "0":
        say(line, err=True)


def say_text(text: str) -> None:
    """Print several lines likewise."""
    click.echo(printable(text, keep="\n\t"))
