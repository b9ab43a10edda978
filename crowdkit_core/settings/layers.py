"""Merge layers of settings, each on top of those before it."""

from collections.abc import Mapping
from typing import Any

from crowdkit_core.errors import UsageError

Table = dict[str, Any]


def sections(layer: Mapping[str, Any]) -> Table:
    """The layer with sections spelled as kinds are, and a lone name as a section.

    Example:
        >>> sections({"density-generator": "fixed"})
        {'density_generator': {'name': 'fixed'}}
    """
    return {
        key.replace("-", "_"): {"name": value} if isinstance(value, str) else value
        for key, value in layer.items()
    }


def layered(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> Table:
    """Sections of a lower layer with those of an upper one on top.

    A section that gets another ``name`` drops its options: they are another component's.

    Example:
        >>> layered({"loss": {"name": "mse", "reduction": "sum"}}, {"loss": {"name": "l1"}})
        {'loss': {'name': 'l1'}}
        >>> layered({"loss": {"name": "mse"}}, {"loss": {"reduction": "mean"}})
        {'loss': {'name': 'mse', 'reduction': 'mean'}}
    """
    kept = {key: value for key, value in lower.items() if not _renamed(value, upper.get(key))}
    return merged(kept, upper)


def merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> Table:
    """Both tables, ``upper`` winning, and tables within them likewise.

    So does a component within a component that gets another ``name``. A table whose keys are
    numbers changes entries of a list, counted from 0.

    Raises:
        UsageError: The list has no such entry.

    Example:
        >>> fixed = {"base": {"name": "fixed", "sigma": 16.0}, "alpha": 1.0}
        >>> merged(fixed, {"base": {"name": "geometry-adaptive"}})
        {'base': {'name': 'geometry-adaptive'}, 'alpha': 1.0}
        >>> merged({"stages": [{"epochs": 9}, {"epochs": 5}]}, {"stages": {"1": {"epochs": 2}}})
        {'stages': [{'epochs': 9}, {'epochs': 2}]}
    """
    result: Table = dict(lower)
    for key, value in upper.items():
        below = lower.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            replaced = "name" in below and _renamed(below, value)
            result[key] = dict(value) if replaced else merged(below, value)
        elif isinstance(below, list) and _are_indices(value):
            result[key] = _with_entries(key, below, value)
        else:
            result[key] = value
    return result


def _are_indices(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(map(str.isdecimal, value))


def _with_entries(name: str, entries: list[Any], changes: Mapping[str, Any]) -> list[Any]:
    """A list with some entries changed, tables merged like any other."""
    numbered = {str(index): entry for index, entry in enumerate(entries)}
    for index in changes.keys() - numbered.keys():
        there = f"0 to {len(entries) - 1}" if entries else "none"
        raise UsageError(f"{name}.{index}: there is no such entry", hint=f"entries: {there}")
    return list(merged(numbered, changes).values())


def _renamed(lower: Any, upper: Any) -> bool:
    if not (isinstance(lower, Mapping) and isinstance(upper, Mapping)):
        return False
    return "name" in upper and upper["name"] != lower.get("name")
