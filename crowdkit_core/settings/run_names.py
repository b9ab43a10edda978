"""Names of runs, of their files, and of what was installed when they ran."""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from crowdkit_core.parsing import parse_json
from crowdkit_core.registry.kinds import KINDS
from crowdkit_core.registry.lookup import settled
from crowdkit_core.settings.layers import Table, sections

RECIPE_FILE = "recipe.toml"
ENVIRONMENT_FILE = "environment.json"


def dated_folder(*names: str) -> Path:
    """``runs/DATE_TIME_NAME_...``: a new folder each time, sorted by when it was made."""
    now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    return Path("runs", "_".join([now, *names]))


def as_it_ran(table: Mapping[str, Any], source: str | Path) -> Table:
    """A recipe in which names that have become ambiguous are those of the run it is of.

    A package that was installed since may offer a name that the run used. In the folder of a run,
    ``environment.json`` says which packages there were.

    Args:
        table: The recipe.
        source: Where it was read from.
    """
    among = _packages_of_run(Path(source).parent)
    if not among:
        return dict(table)
    return {
        key: _settled(section, [key] if key in KINDS else [], among)
        for key, section in sections(table).items()
    }


def _packages_of_run(folder: Path) -> Collection[str]:
    try:
        found = parse_json((folder / ENVIRONMENT_FILE).read_text(encoding="utf-8"))
        return list(found["packages"])
    except (OSError, ValueError, KeyError, TypeError):  # no folder of a run
        return ()


def _settled(value: Any, kinds: Collection[str], among: Collection[str]) -> Any:
    """The value with the names in it settled; of tables within a section any kind may be meant."""
    if isinstance(value, list):
        return [_settled(each, KINDS, among) for each in value]
    if not isinstance(value, Mapping):
        return value
    inner = {key: _settled(each, KINDS, among) for key, each in value.items()}
    name = inner.get("name")
    if isinstance(name, str):
        answers = {settled(kind, name, among) for kind in kinds} - {name}
        if len(answers) == 1:
            inner["name"] = answers.pop()
    return inner
