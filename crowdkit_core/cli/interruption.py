"""Say what is kept when long work is stopped from outside."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from crowdkit_core.cli.output import say_once
from crowdkit_core.printable import printable


class Terminated(KeyboardInterrupt):
    """The process was asked to end, by SIGTERM."""


@contextmanager
def resumable(what_is_kept: Callable[[], str]) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM end the work in order, with a line on how to go on.

    Args:
        what_is_kept: Says that line.

    Raises:
        SystemExit: The work was stopped: code 130 after Ctrl-C, 143 after SIGTERM.
    """
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except KeyboardInterrupt as stop:
        say_once(f"crowdkit: stopped; {what_is_kept()}")  # torchrun stops each of its processes
        sys.exit(143 if isinstance(stop, Terminated) else 130)
    finally:
        signal.signal(signal.SIGTERM, before)


def epochs_kept(directory: Path) -> str:
    """What a run's folder keeps of a training that was stopped, and how to go on with it."""
    return kept_in(directory, "crowdkit train")


def kept_in(directory: Path, command: str) -> str:
    """The same, where another command than `crowdkit train` goes on with it."""
    if not any(directory.rglob("state.pt")):
        return "no epoch was finished, so nothing is kept"
    shown = printable(str(directory))
    return f"finished epochs are kept; go on with: {command} --resume --output {shown}"


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated
