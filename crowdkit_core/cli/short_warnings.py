"""Show warnings as people read them: in a line, without the place in the code."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from crowdkit_core.printable import printable


@contextmanager
def short_warnings() -> Iterator[None]:
    """Inside, a warning that is shown is a line of its own."""
    before = warnings.formatwarning
    warnings.formatwarning = _line
    try:
        yield
    finally:
        warnings.formatwarning = before


def _line(message: Warning | str, *_: Any, **__: Any) -> str:
    return f"crowdkit: warning: {printable(str(message), keep=chr(10))}\n"
