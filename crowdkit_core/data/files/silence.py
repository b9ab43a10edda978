"""Silence Pillow about odd files."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

_BY_PILLOW = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


@contextmanager
def pillow_silenced() -> Iterator[None]:
    """Ignore what Pillow warns of, and nothing else, in any thread.

    ``warnings.catch_warnings`` would silence the other threads as well, and where two of them
    overlap, the filters of one would stay for good.
    """
    filters = cast("list[object]", warnings.filters)
    filters.insert(0, _BY_PILLOW)
    try:
        yield
    finally:
        with suppress(ValueError):  # somebody emptied the filters
            filters.remove(_BY_PILLOW)
