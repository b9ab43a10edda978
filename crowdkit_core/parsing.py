"""Parse TOML and JSON so that text of any content gives a value or a `ValueError`.

The parsers of the standard library also raise `RecursionError`, and give values nested so deeply
that whoever walks through them next would.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

DEEPEST = 64
"""Tables and lists inside one another; no file that crowdkit knows has a tenth of it."""


def parse_toml(text: str) -> dict[str, Any]:
    """The table that TOML text stands for.

    Raises:
        ValueError: It is no TOML, or nested too deeply.

    Example:
        >>> parse_toml("counter = 'mcnn'")
        {'counter': 'mcnn'}
    """
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise _too_deep() from None
    _require_shallow(table)
    return table


def parse_json(
    text: str | bytes, *, object_of: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """The value that JSON text stands for.

    Args:
        text: The JSON.
        object_of: Makes an object of its keys and values, and may refuse them; a dict when None.

    Raises:
        ValueError: It is no JSON, or nested too deeply.

    Example:
        >>> parse_json("[1, 2.5]")
        [1, 2.5]
    """
    try:
        value = json.loads(text, object_pairs_hook=object_of)
    except RecursionError:
        raise _too_deep() from None
    _require_shallow(value)
    return value


def _require_shallow(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise _too_deep()


def _inside(value: Any) -> list[Any]:
    """The tables and lists in a table or list."""
    if isinstance(value, Mapping):
        value = list(value.values())
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, Mapping | list)]


def _too_deep() -> ValueError:
    return ValueError(f"tables and lists are nested more than {DEEPEST} deep")
