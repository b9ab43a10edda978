"""Read and write None in TOML, as the text ``none`` where an option allows None."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from inspect import Parameter
from itertools import chain, repeat
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

NONE = "none"


def restore_none(known: Mapping[str, Parameter], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with None for ``none``, in nested tables and lists too."""
    return {
        name: _restored(known[name].annotation, value) if name in known else value
        for name, value in options.items()
    }


def _restored(annotation: Any, value: Any) -> Any:
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    if value == NONE and NoneType in kinds:
        return None
    if isinstance(value, Mapping):
        of_key = _of_keys(kinds, value)
        return {key: _restored(of_key.get(key), each) for key, each in value.items()}
    if isinstance(value, list):
        of_item = chain(_of_items(kinds), repeat(None))
        return [_restored(next(of_item), each) for each in value]
    return value


def _of_keys(kinds: Sequence[Any], table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The annotation of each entry of a table, as far as it has one."""
    for kind in kinds:
        if isinstance(kind, type) and is_dataclass(kind):
            return get_type_hints(kind)
        if _is_a(kind, Mapping):
            return dict.fromkeys(table, get_args(kind)[-1])
    return {}


def _of_items(kinds: Sequence[Any]) -> Iterable[Any]:
    """The annotation of each item of a list, as far as it has one."""
    for kind in kinds:
        if _is_a(kind, Sequence):
            items = get_args(kind)
            return items if _is_a(kind, tuple) and Ellipsis not in items else repeat(items[0])
    return ()


def _is_a(annotation: Any, base: type) -> bool:
    """Whether an annotation is a kind of ``base`` with its contents named."""
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, base)
