"""Silence decoders about odd files and about themselves."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

_BY_DECODERS = ("ignore", None, Warning, re.compile(r"PIL\.|torchvision\.io\."), 0)


@contextmanager
def decoders_silenced() -> Iterator[None]:
    """Ignore what Pillow and torchvision's decoders warn of, and nothing else, in any thread.

    ``warnings.catch_warnings`` would silence the other threads as well, and where two of them
    overlap, the filters of one would stay for good.
    """
    filters = cast("list[object]", warnings.filters)
    filters.insert(0, _BY_DECODERS)
    try:
        yield
    finally:
        with suppress(ValueError):  # somebody emptied the filters
            filters.remove(_BY_DECODERS)
