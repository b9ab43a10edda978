"""Record a run that was made in Python as the recipe that its parts stand for."""

import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch

from crowdkit_core.errors import (
    AmbiguousComponentError,
    CrowdkitError,
    IncompatibleError,
    UnknownComponentError,
)
from crowdkit_core.interfaces import Component, Counter, Dataset, Trainer, TrainingTask
from crowdkit_core.registry.creation import full_name
from crowdkit_core.registry.lookup import find, installed
from crowdkit_core.registry.options import parameters
from crowdkit_core.settings import Recipe, RunSettings, recipe_text, resolve_recipe
from crowdkit_core.settings.run_names import RECIPE_FILE
from crowdkit_core.settings.writing import is_plain
from crowdkit_core.training.run_folder import RunFolder

REASONS_FILE = "no-recipe.txt"

_HEAD = """\
# Recorded from a run that a program started. What the program did to the parts after it had made
# them is not in here, nor are the counter's first weights where they were drawn.

"""


def record_parts(folder: RunFolder, task: TrainingTask, trainer: Trainer, run: RunSettings) -> None:
    """Write the recipe of a run, or, where a part stands for none, why not.

    A recipe that the run was started with stays, where a program resumes it.

    Raises:
        CrowdkitError: The file cannot be written.
    """
    if _has_own_recipe(folder):
        return
    sections, reasons = _sections(task, trainer)
    text = ""
    if not reasons:
        try:
            text = recipe_text(_recipe(sections, run))
        except CrowdkitError as error:
            reasons.append(error.message)
    if reasons:
        lines = ["No recipe of this run could be recorded:", *(f"- {each}" for each in reasons)]
        folder.write_text(REASONS_FILE, "\n".join(lines) + "\n")
    else:
        folder.write_text(RECIPE_FILE, _HEAD + text)


def _has_own_recipe(folder: RunFolder) -> bool:
    recipe = folder.path / RECIPE_FILE
    return recipe.exists() and not recipe.read_text(encoding="utf-8").startswith(_HEAD)


def _recipe(sections: Mapping[str, Any], run: RunSettings) -> Recipe:
    return replace(resolve_recipe(sections, source="the run's parts"), run=run)


def _sections(task: TrainingTask, trainer: Trainer) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Each part's section of a recipe, and what stands for none."""
    parts: dict[str, Component] = {
        "counter": task.counter,
        "loss": task.loss,
        "density_generator": task.density_generator,
        "dataset": task.train,
        "trainer": trainer,
    }
    sections, reasons = {}, []
    for kind, component in parts.items():
        try:
            sections[kind] = _section(kind, component)
        except (IncompatibleError, UnknownComponentError) as error:
            reasons.append(str(error).replace("\n ", ":"))
    if "dataset" in sections and (wrong := _of_other_images(task.train, task.validation)):
        reasons.append(wrong)
    return sections, reasons


def _of_other_images(train: Dataset, validation: Dataset | None) -> str:
    """Why a recipe, which names one data set, cannot name these; empty if it can."""
    if validation is None:
        return "validation: there are no images to validate on, and a recipe has some"
    if train.split != "train" or validation.split not in ("validation", "test"):
        return f"dataset: trained on split {train.split!r}, validated on {validation.split!r}"
    try:
        same = _section("dataset", train) == _section("dataset", validation)
    except IncompatibleError:
        same = False
    return "" if same else "validation: its images are not a split of the training data set"


def _section(kind: str, component: Component) -> dict[str, Any]:
    """The name and options that make a component.

    Raises:
        IncompatibleError: They are not known.
        UnknownComponentError: Nothing installed has its name.
    """
    if component.origin is not None:
        name, options = _spelled(component), dict(component.origin.options)
    else:
        name = _registered_as(kind, component)
        options = _read_options(kind, name, component)
    source = getattr(component, "weights_source", "")
    options |= {"weights": source} if source else {}
    if kind == "dataset":
        options.pop("split", None)
    return {"name": name, **{key: _as_setting(value) for key, value in options.items()}}


def _spelled(component: Component) -> str:
    """The bare name, unless two distributions offer it."""
    assert component.origin is not None
    try:
        find(component.origin.kind, component.origin.name)
    except AmbiguousComponentError:
        return full_name(component.origin)
    return component.origin.name


def _registered_as(kind: str, component: Component) -> str:
    for name in installed(kind):
        try:
            if find(kind, name).factory is type(component):
                return name
        except CrowdkitError:  # broken or offered twice: not the one
            continue
    raise IncompatibleError(
        f"{component.label} is not registered", hint=f"crowdkit_core.register({kind!r}, NAME, ...)"
    )


def _read_options(kind: str, name: str, component: Component) -> dict[str, Any]:
    """The options of a component built by its class, read off it where it shows them."""
    known = parameters(type(component), component.label)
    of_class: Any = type(component)
    if is_dataclass(of_class):
        return {each.name: getattr(component, each.name) for each in fields(of_class) if each.init}
    if not known:
        return {}
    read = {each: getattr(component, each, inspect.Parameter.empty) for each in known}
    if not isinstance(component, Counter | Dataset) and _makes_the_same(component, read):
        return read
    raise IncompatibleError(
        f"{component.label} was built by its class, so its options are not known",
        hint=f"crowdkit_core.create({kind!r}, {name!r}, ...)",
    )


def _makes_the_same(component: Component, read: Mapping[str, Any]) -> bool:
    """Whether a component built with what is read off another shows the same."""
    if not all(value is not inspect.Parameter.empty and is_plain(value) for value in read.values()):
        return False
    with torch.random.fork_rng(devices=[]):
        try:
            again = type(component)(**read)
        except (CrowdkitError, TypeError, ValueError):
            return False
    return all(getattr(again, name) == value for name, value in read.items())


def _as_setting(value: Any) -> Any:
    """A component that is another's option as the table a recipe has for it."""
    return _section(value.kind.replace(" ", "_"), value) if isinstance(value, Component) else value
