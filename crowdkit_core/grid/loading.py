"""Load a grid of runs from a recipe file with a ``[grid]`` table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from crowdkit_core.errors import OptionsError, UsageError
from crowdkit_core.grid.grid import EVALUATION, SEED, STAGE, Grid, GridRun, Weights, folder_name
from crowdkit_core.interfaces import Split
from crowdkit_core.registry.options import checked_options
from crowdkit_core.settings import Recipe, parse_overrides, recipe_text, resolve_recipe
from crowdkit_core.settings.layers import Table, merged, sections
from crowdkit_core.settings.recipe_files import GRID, read_recipe_table

MOST_AXES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisSettings:
    """An axis of a grid.

    Attributes:
        name: What varies along it.
        values: What each of its labels puts on top of the recipe.
    """

    name: str
    values: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSettings:
    """The ``[grid]`` table of a recipe file.

    Attributes:
        axes: Rows, then columns.
        replicate: Dotted name of a setting and its values; the recipe's own seed alone if empty.
        split: Images the runs are evaluated on.
        weights: Which weights of a run are evaluated.
        stages: Stages of the trainer to evaluate each, as one more axis of the table.
        evaluations: What each label puts on top of a run's recipe where its weights are evaluated,
            as one more axis of the table; training knows nothing of it.
        counts: Alternative counts of the counter that are in the tables beside its count.
        metrics: Further metrics of the evaluations, as of ``crowdkit eval --metrics``.
    """

    axes: tuple[AxisSettings, ...] = ()
    replicate: dict[str, list[Any]] = field(default_factory=dict)
    split: Split = "test"
    weights: Weights = "best"
    stages: tuple[str, ...] = ()
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


def load_grid(source: str | Path, *, overrides: Sequence[str] = ()) -> Grid:
    """A grid of runs with every recipe resolved and checked.

    Layers of a run: defaults < the file < its row < its column < its replicate < ``overrides``.
    As in any recipe, a component that gets another ``name`` starts from its defaults.

    Args:
        source: Name of a grid that a plugin ships, or a file.
        overrides: ``dataset.root=DIR`` texts on top of every run; ``grid.split=validation`` changes
            the grid itself.

    Raises:
        OptionsError: Lists everything wrong with a run's settings; names the run.
        UsageError: The file cannot be read, is no grid, or two of its runs are the same.
        BrokenComponentError: A component cannot be loaded.
    """
    document = read_recipe_table(source)
    if not isinstance(document.get(GRID), Mapping):
        raise UsageError(
            f"{source} is a recipe of one run, not a grid: it has no [grid] table",
            hint=f"run it with: crowdkit train {source}",
        )
    given = parse_overrides(overrides)
    table = merged(document[GRID], given.pop(GRID, {}))
    settings = GridSettings(**checked_options(GridSettings, table, f"{source}: grid"))
    _require_sound(settings, str(source))
    base = {name: section for name, section in document.items() if name != GRID}
    runs = tuple(_runs(settings, base, given, str(source)))
    _require_different(runs, str(source))
    return Grid(
        source=str(source),
        overrides=tuple(overrides),
        document=document,
        axes={axis.name: tuple(axis.values) for axis in settings.axes},
        replicate=next(iter(settings.replicate), SEED),
        split=settings.split,
        weights=settings.weights,
        stages=settings.stages,
        evaluations=tuple(settings.evaluations),
        counts=settings.counts,
        metrics=settings.metrics,
        runs=runs,
    )


def _require_sound(settings: GridSettings, source: str) -> None:
    names = [axis.name for axis in settings.axes]
    names += [STAGE] * bool(settings.stages) + [EVALUATION] * bool(settings.evaluations)
    if len(names) > MOST_AXES or len(set(names)) < len(names):
        raise OptionsError(
            f"{source}: grid.axes: {names}, expected rows and columns at most, of different names"
        )
    if len(set(settings.stages)) < len(settings.stages):
        raise OptionsError(
            f"{source}: grid.stages: {list(settings.stages)}, expected each stage once"
        )
    if len(settings.replicate) > 1 or [] in settings.replicate.values():
        raise OptionsError(
            f"{source}: grid.replicate: {settings.replicate}, expected one setting with its values",
            hint='write it as replicate = { "run.seed" = [0, 1, 2] }',
        )
    labels = {axis.name: axis.values for axis in settings.axes}
    for name, values in (*labels.items(), (EVALUATION, settings.evaluations)):
        folders = [folder_name(label).lower() for label in values]
        if not all(folders) or len(set(folders)) < len(folders):
            raise OptionsError(
                f"{source}: grid.axes: labels of {name!r} are {list(values)}, expected "
                "names of different folders"
            )
    for axis in settings.axes:
        if not axis.values:
            raise OptionsError(f"{source}: grid.axes: {axis.name!r} has no values")


def _runs(settings: GridSettings, base: Table, given: Table, source: str) -> Iterator[GridRun]:
    key, values = next(iter(settings.replicate.items()), (SEED, [None]))
    for value in values:
        replicate = {} if value is None else _nested(key, value)
        for chosen in product(*(axis.values.items() for axis in settings.axes)):
            labels = tuple(label for label, _ in chosen)
            layers = (base, *(layer for _, layer in chosen), replicate, given)
            places = (source, *_places(settings, labels))
            recipe = resolve_recipe(*layers, source=": ".join(places))
            _require_one_process(recipe, source)
            shown = str(recipe.run.seed if value is None else value)
            last = folder_name(f"{key.rpartition('.')[2]}-{shown}")
            yield GridRun(
                labels=labels,
                replicate=shown,
                folder=Path(*map(folder_name, labels), last),
                recipe=recipe,
                evaluations={
                    label: resolve_recipe(
                        *layers, layer, source=": ".join((*places, f"{EVALUATION} {label!r}"))
                    )
                    for label, layer in settings.evaluations.items()
                },
            )


def _places(settings: GridSettings, labels: Sequence[str]) -> list[str]:
    places = zip(settings.axes, labels, strict=True)
    return [f"{axis.name} {label!r}" for axis, label in places]


def _nested(key: str, value: Any) -> Table:
    """The table of a dotted name.

    Example:
        >>> _nested("dataset.fold", 3)
        {'dataset': {'fold': 3}}
    """
    for part in reversed(key.split(".")):
        value = {part: value}
    return sections(value)


def _require_one_process(recipe: Recipe, source: str) -> None:
    processes = (recipe.run.devices or 1) * (recipe.run.num_nodes or 1)
    if processes > 1:
        raise UsageError(
            f"{source}: its runs want {processes} processes, a grid trains in one",
            hint="leave run.devices and run.num_nodes at 1, or train its runs one by one",
        )


def _require_different(runs: Sequence[GridRun], source: str) -> None:
    seen: dict[str, GridRun] = {}
    for run in runs:
        first = seen.setdefault(recipe_text(run.recipe), run)
        if first is not run:
            raise UsageError(
                f"{source}: {first.label} and {run.label} would be the same run",
                hint="an axis changes nothing, or a setting on top of every run overrides it",
            )
