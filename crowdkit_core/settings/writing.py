"""Write recipes as TOML."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import tomli_w
from pydantic_core import PydanticSerializationError, to_jsonable_python

from crowdkit_core.errors import UsageError
from crowdkit_core.files import atomic_write
from crowdkit_core.settings.component import ComponentSettings
from crowdkit_core.settings.none import NONE
from crowdkit_core.settings.recipe import Recipe
from crowdkit_core.settings.run import RunSettings


def recipe_text(recipe: Recipe) -> str:
    """A recipe as the TOML that `load_recipe` reads back to an equal one.

    Raises:
        UsageError: An option is an object that no text stands for.
    """
    sections: dict[str, Any] = {}
    for each in fields(recipe):
        value = getattr(recipe, each.name)
        if isinstance(value, ComponentSettings):
            sections[each.name] = _plain(value.section(), each.name)
    return tomli_w.dumps({**sections, "run": _plain(_run_section(recipe.run), "run")})


def write_recipe(recipe: Recipe, path: str | Path) -> None:
    """Write a recipe as TOML, atomically.

    Raises:
        UsageError: An option is an object that no text stands for.
    """
    text = recipe_text(recipe)
    with atomic_write(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")


def is_plain(value: Any) -> bool:
    """Whether a value is made of numbers, text, paths, sequences, tables and dataclasses."""
    try:
        to_jsonable_python(value)
    except PydanticSerializationError:
        return False
    return True


def _run_section(run: RunSettings) -> dict[str, Any]:
    """What is set; a list of nothing is left out, as a recipe without trackers need not name it."""
    trackers = [_tracker(each) for each in run.trackers]
    section = {**asdict(run), "trackers": trackers or None}
    return {key: value for key, value in section.items() if value is not None}


def _tracker(tracker: str | ComponentSettings) -> str | dict[str, Any]:
    """A name alone where there are no options."""
    if isinstance(tracker, str):
        return tracker
    return tracker.section() if tracker.options else tracker.name


def _plain(options: Mapping[str, Any], section: str) -> dict[str, Any]:
    plain = {}
    for name, value in options.items():
        try:
            plain[name] = _without_none(to_jsonable_python(value))
        except PydanticSerializationError as error:
            raise UsageError(f"{section}.{name}: cannot be written as TOML: {error}") from error
    return plain


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_none(each) for each in value]
    return NONE if value is None else value
