"""None in TOML, which has no word for it: the text ``none`` where an option allows None."""

from collections.abc import Mapping
from inspect import Parameter
from types import NoneType
from typing import Any, get_args, get_type_hints

from crowdkit_core.registry.options import dataclass_in

NONE = "none"


def restore_none(known: Mapping[str, Parameter], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with None for ``none``, in nested dataclasses too."""
    return {
        name: _restored(known[name].annotation, value) if name in known else value
        for name, value in options.items()
    }


def _restored(annotation: Any, value: Any) -> Any:
    if value == NONE and NoneType in get_args(annotation):
        return None
    table = dataclass_in(annotation)
    if table is None or not isinstance(value, Mapping):
        return value
    hints = get_type_hints(table, include_extras=True)
    return {name: _restored(hints.get(name), each) for name, each in value.items()}
