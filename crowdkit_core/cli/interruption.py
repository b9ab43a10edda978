"""Say what is kept when training is stopped from outside."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from crowdkit_core.printable import printable


class Terminated(KeyboardInterrupt):
    """The process was asked to end, by SIGTERM."""


@contextmanager
def resumable(directory: Path) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM end training in order, with a line on how to go on.

    Args:
        directory: The run's folder.

    Raises:
        SystemExit: Training was stopped: code 130 after Ctrl-C, 143 after SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except KeyboardInterrupt as stop:
        if os.environ.get("RANK", "0") == "0":  # torchrun stops each of its processes
            click.echo(f"crowdkit: stopped; {_what_is_kept(directory)}", err=True)
        sys.exit(143 if isinstance(stop, Terminated) else 130)
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _what_is_kept(directory: Path) -> str:
    if not any(directory.rglob("state.pt")):
        return "no epoch was finished, so nothing is kept"
    shown = printable(str(directory))
    return f"finished epochs are kept; go on with: crowdkit train --resume --output {shown}"
