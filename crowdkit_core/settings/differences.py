"""Tell apart the settings that decide what a run learns, and name those that differ."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from crowdkit_core.settings.recipe import Recipe
from crowdkit_core.settings.writing import recipe_text

HOW_IT_RUNS = (
    "directory",
    "resume",
    "accelerator",
    "devices",
    "num_nodes",
    "strategy",
    "workers",
    "channels_last",
    "deterministic",
    "trackers",
    "tracked_images",
)
"""Run settings that change a result by rounding at most, or not at all."""

HOW_IT_LOADS = ("dataset.cache",)
"""Other settings that change nothing of a result."""

Settings = Mapping[str, Any]
"""Values by dotted name, such as ``trainer.epochs``."""


def deciding_settings(recipe: Recipe) -> dict[str, Any]:
    """The settings that decide the result, by dotted name."""
    return deciding_settings_in(recipe_text(recipe))


def deciding_settings_in(text: str) -> dict[str, Any]:
    """The same of a recipe that is written as TOML."""
    return {key: value for key, value in _flat(tomllib.loads(text)) if not _is_neutral(key)}


def differences(before: Settings, now: Settings) -> dict[str, tuple[Any, Any]]:
    """Old and new value of each setting that differs; None where there is none.

    ``DISTRIBUTION:NAME`` is the same component as its bare name.
    """
    return {
        key: (before.get(key), now.get(key))
        for key in [*before, *(key for key in now if key not in before)]
        if not _same(key, before.get(key), now.get(key))
    }


def _is_neutral(key: str) -> bool:
    section, name, *_ = key.split(".")
    return key in HOW_IT_LOADS or (section == "run" and name in HOW_IT_RUNS)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
            value = {str(index): each for index, each in enumerate(value)}
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _same(key: str, one: Any, other: Any) -> bool:
    if key.endswith(".name") and isinstance(one, str) and isinstance(other, str):
        names, bare = {one, other}, {one.rpartition(":")[2], other.rpartition(":")[2]}
        return len(names) == 1 or (len(bare) == 1 and bare <= names)
    return repr(one) == repr(other)  # NaN is what it was
