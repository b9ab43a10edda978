"""Parse settings given on a command line: ``counter.width=64``."""

import json
from collections.abc import Sequence
from typing import Any

from crowdkit_core.errors import UsageError
from crowdkit_core.parsing import parse_toml
from crowdkit_core.settings.layers import Table, merged, sections


def parse_overrides(texts: Sequence[str]) -> Table:
    """Sections from ``KEY.KEY=VALUE`` texts, the later of two equal keys winning.

    Values are TOML; what is no TOML value is text. ``counter=mcnn`` is short for
    ``counter.name=mcnn``.

    Raises:
        UsageError: A text is not of that form.

    Example:
        >>> parse_overrides(["counter.width=64", "counter.name=mcnn", "run.directory=/tmp/x"])
        {'counter': {'width': 64, 'name': 'mcnn'}, 'run': {'directory': '/tmp/x'}}
    """
    table: Table = {}
    for text in texts:
        table = merged(table, sections(_parsed(text)))
    return table


def _parsed(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"setting {text!r} has no value", hint="write it as counter.width=64")
    try:
        return parse_toml(f"{key} = {value}")
    except ValueError:
        pass  # a bare word
    try:
        return parse_toml(f"{key} = {json.dumps(value)}")
    except ValueError:
        raise UsageError(
            f"setting {text!r}: {key!r} is not a key", hint="write it as counter.width=64"
        ) from None
