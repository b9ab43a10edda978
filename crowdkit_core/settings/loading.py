"""Load a recipe from layers of settings, and check it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from crowdkit_core.errors import OptionsError, UsageError
from crowdkit_core.registry.common_options import common_factory, separated
from crowdkit_core.registry.creation import loads_weights
from crowdkit_core.registry.kinds import checked_kind
from crowdkit_core.registry.lookup import Found, find, installed
from crowdkit_core.registry.options import Parameters, Problem, check_options, parameters
from crowdkit_core.settings.component import ComponentSettings
from crowdkit_core.settings.layers import Table, layered, sections
from crowdkit_core.settings.none import restore_none
from crowdkit_core.settings.overrides import parse_overrides
from crowdkit_core.settings.recipe import Recipe
from crowdkit_core.settings.recipe_files import GRID, read_recipe_table
from crowdkit_core.settings.run import RunSettings
from crowdkit_core.settings.run_names import as_it_ran
from crowdkit_core.settings.writing import is_plain
from crowdkit_core.spelling import did_you_mean

DEFAULTS: Mapping[str, Any] = {
    "dataset": {"name": "synthetic"},
    "density_generator": {"name": "fixed"},
    "loss": {"name": "mse"},
    "trainer": {"name": "supervised"},
}
"""Defaults of a recipe."""

SECTIONS = tuple(each.name for each in fields(Recipe) if each.name != "run")
"""Kinds of component that a recipe names."""

OPTIONAL = "localizer"
SPLIT = "split"
WEIGHTS = "weights"
SETTINGS = "settings"
TRACKERS = "trackers"


@dataclass(slots=True)
class _Findings:
    """Problems found so far, with hints."""

    problems: list[Problem] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def add(self, path: str, text: str, hint: str = "") -> None:
        self.problems.append(Problem(path, text))
        if hint:
            self.hints.append(hint)

    def add_all(self, problems: Sequence[Problem], section: str, known: Parameters) -> None:
        for problem in problems:
            self.add(f"{section}.{problem.path}", problem.text)
        if problems:
            self.hints.append(f"options of {section}: {', '.join(known) or 'none'}")


def load_recipe(
    recipe: str | Path | None = None,
    *,
    file: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """A recipe from layers: defaults < ``recipe`` < ``file`` < ``overrides``.

    Each section is a component's ``name`` with its options beside it; ``counter = "mcnn"`` is short
    for a name alone. Options are checked against the components' signatures, converted to their
    types and completed with their defaults; a component with ``weights`` is not completed, as its
    file decides the rest. Paths are relative to the working directory. ``"none"`` stands for None
    where an option allows it.

    Args:
        recipe: Name of a recipe a plugin ships, or a file.
        file: Another file on top.
        overrides: ``counter.width=64`` texts on top.

    Raises:
        OptionsError: Lists everything wrong, each with its path.
        UsageError: A layer cannot be read, or is a grid of runs.
        BrokenComponentError: A component cannot be loaded.
    """
    read = [_recipe_table(each) for each in (recipe, file) if each is not None]
    return resolve_recipe(*read, parse_overrides(overrides), source=str(file or recipe or SETTINGS))


def resolve_recipe(*layers: Mapping[str, Any], source: str = SETTINGS) -> Recipe:
    """A recipe from tables, each on top of those before it, the defaults below them all.

    Args:
        *layers: As read from TOML.
        source: How errors name them.

    Raises:
        OptionsError: Lists everything wrong, each with its path.
        BrokenComponentError: A component cannot be loaded.
    """
    table: Table = dict(DEFAULTS)
    for layer in layers:
        table = layered(table, sections(layer))
    return _resolved(table, source)


def resolve_component(kind: str, section: Mapping[str, Any] | str) -> ComponentSettings:
    """A component's settings from one section, checked like those of a recipe.

    Args:
        kind: ``counter``, ``dataset``, ...
        section: ``name`` and options, or the name.

    Raises:
        OptionsError: Lists everything wrong.
        BrokenComponentError: The component cannot be loaded.
    """
    kind = checked_kind(kind)
    findings = _Findings()
    settings = _component(kind, sections({kind: section})[kind], findings)
    if settings is None or findings.problems:
        raise _error(kind, findings)
    return settings


def _recipe_table(source: str | Path) -> Table:
    table = as_it_ran(read_recipe_table(source), source)
    if GRID in table:
        raise UsageError(
            f"{source} is a grid of runs, not a recipe of one",
            hint=f"run it with: crowdkit grid {source} --output DIR",
        )
    return table


def _resolved(table: Table, source: str) -> Recipe:
    findings = _Findings()
    for key in table.keys() - {*SECTIONS, "run"}:
        guess = did_you_mean(key, [*SECTIONS, "run"], before="; ")
        findings.add(key, f"unknown section{guess}", f"sections: {', '.join([*SECTIONS, 'run'])}")
    components = {
        kind: _component(kind, table.get(kind, {}), findings)
        for kind in SECTIONS
        if kind != OPTIONAL or kind in table
    }
    run = _run(table.get("run", {}), findings)
    if findings.problems:
        raise _error(source, findings)
    return Recipe(run=run, **components)  # type: ignore[arg-type]  # without problems none is None


def _component(kind: str, section: Any, findings: _Findings) -> ComponentSettings | None:
    if not isinstance(section, Mapping):
        findings.add(kind, f"expected a table with a name (got {section!r})")
        return None
    name = section.get("name")
    if not isinstance(name, str) or not name:
        text = "required" if name is None else f"expected text (got {name!r})"
        findings.add(f"{kind}.name", text, f"{kind}: {', '.join(installed(kind)) or 'none'}")
        return None
    try:
        found = find(kind, name)
    except UsageError as error:
        findings.add(f"{kind}.name", error.message, error.hint)
        return None
    given = {key: value for key, value in section.items() if key != "name"}
    return ComponentSettings(name=name, options=_options(found, given, findings))


def _options(found: Found, given: Table, findings: _Findings) -> Table:
    """The options converted and completed; problems are added to the findings."""
    known = parameters(found.factory, found.label)
    given, common = separated(found, given)
    common, problems = check_options(common_factory(found), common, found.label)
    findings.add_all(problems, found.kind, parameters(common_factory(found), found.label))
    split: Table = {}
    if found.kind == "dataset" and SPLIT in known:
        split = {SPLIT: "train"}  # satisfies the check; whoever creates the dataset chooses
        if given.pop(SPLIT, None) is not None:
            findings.add("dataset.split", "is chosen by the command, not by the recipe")
    weights: Table = {}
    if WEIGHTS in given and loads_weights(found):
        weights = {WEIGHTS: given.pop(WEIGHTS)}
    asked = {**restore_none(known, given), **split}
    converted, problems = check_options(found.factory, asked, found.label, complete=not weights)
    findings.add_all(problems, found.kind, known)
    defaults = {} if weights else _defaults(known)
    options = {**defaults, **converted, **weights, **common}
    return {name: value for name, value in options.items() if name not in split}


def _defaults(known: Parameters) -> Table:
    """Defaults that a recipe can hold; an object as default is left to the component."""
    return {
        name: each.default
        for name, each in known.items()
        if each.default is not each.empty and is_plain(each.default)
    }


def _run(section: Any, findings: _Findings) -> RunSettings:
    if not isinstance(section, Mapping):
        findings.add("run", f"expected a table (got {section!r})")
        return RunSettings()
    known = parameters(RunSettings, "run")
    others = {key: value for key, value in section.items() if key != TRACKERS}
    converted, problems = check_options(RunSettings, restore_none(known, others), "run")
    findings.add_all(problems, "run", known)
    return RunSettings(**converted, trackers=_trackers(section.get(TRACKERS, []), findings))


def _trackers(listed: Any, findings: _Findings) -> tuple[ComponentSettings, ...]:
    """Trackers as they are asked for; whoever trains finds out whether they are there.

    A run is evaluated without them, so its recipe is read where they are not installed too.
    """
    if not isinstance(listed, list):
        findings.add(f"run.{TRACKERS}", f'expected a list such as ["csv"] (got {listed!r})')
        return ()
    asked = []
    for index, each in enumerate(listed):
        section = {"name": each} if isinstance(each, str) else each
        if isinstance(section, Mapping) and isinstance(section.get("name"), str):
            asked.append(_tracker(section))
        else:
            text = f"expected a name, or a table with one (got {each!r})"
            findings.add(f"run.{TRACKERS}.{index}", text)
    return tuple(asked)


def _tracker(section: Mapping[str, Any]) -> ComponentSettings:
    """Options stand beside the name, as everywhere in recipes, or in a table ``options``."""
    options = {key: value for key, value in section.items() if key != "name"}
    if isinstance(options.get("options"), Mapping):
        options |= options.pop("options")
    return ComponentSettings(name=section["name"], options=options)


def _error(source: str, findings: _Findings) -> OptionsError:
    return OptionsError(
        f"{source}: {'; '.join(map(str, findings.problems))}",
        hint="\n  ".join(dict.fromkeys(findings.hints)),
    )
