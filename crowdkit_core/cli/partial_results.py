"""Keep what is counted until the table of all files is written, so that no stop loses it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import click

import crowdkit_core
from crowdkit_core.cli.output import say
from crowdkit_core.data.annotations import Mark, MarkedImage
from crowdkit_core.errors import CrowdkitError
from crowdkit_core.files import atomic_write, sha256_of
from crowdkit_core.folder_lock import locked
from crowdkit_core.inference import Counted, CountRow, Model
from crowdkit_core.parsing import parse_json

SETTINGS_FILE = "settings.json"
NO_DIFFERENCE = ("paths", "device", "csv", "zones_csv", "as_json", "smooth", "plot")
"""Parameters that change no result of a file."""
WRITTEN = ("points", "annotations", "pictures", "densities", "ground_densities", "video")
"""Parameters that name what is written."""

Settings = Mapping[str, str]


@dataclass(slots=True)
class FileResult:
    """What a file of one or more images gives to the files of all.

    Attributes:
        rows: A row an image.
        zones: Of each image what `in_zones` says.
        found: Their points, where they are asked for.
    """

    rows: list[CountRow] = field(default_factory=list)
    zones: list[dict[str, Any]] = field(default_factory=list)
    found: list[MarkedImage] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """As values of JSON."""
        found = [
            {
                "file": str(each.file),
                "size": each.size,
                "marks": [(mark.x, mark.y, mark.score) for mark in each.marks],
            }
            for each in self.found
        ]
        rows = [asdict(row) for row in self.rows]
        return {"rows": rows, "zones": self.zones, "found": found}

    @classmethod
    def of_plain(cls, values: Mapping[str, Any]) -> Self:
        """What `plain` gave."""
        found = [
            MarkedImage(
                name=Path(each["file"]).as_posix(),
                marks=tuple(Mark(x, y, score=score) for x, y, score in each["marks"]),
                size=tuple(each["size"]),
                file=Path(each["file"]),
            )
            for each in values["found"]
        ]
        return cls([CountRow(**row) for row in values["rows"]], values["zones"], found)


def settings_of(command: click.Context, model: Model) -> dict[str, str]:
    """What decides the counts of a file, by name: the options of a command, and the weights.

    Args:
        command: As it was called. A file that an option names counts by its content.
        model: What counts.
    """
    options = {
        each.opts[0]: _described(str(each.name), command.params[str(each.name)])
        for each in command.command.params
        if each.name not in NO_DIFFERENCE
    }
    return {
        "sha256": model.weights,
        "crowdkit-core": crowdkit_core.__version__,
        "values": str(model.reading.value_range),
        **options,
    }


def partial_folder(table: Path) -> Path:
    """Where partial results are kept: beside the table they are for.

    Example:
        >>> partial_folder(Path("out/counts.csv")).as_posix()
        'out/counts.csv.partial'
    """
    return table.with_name(f"{table.name}.partial")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other counts out of a folder of partial results, which is removed once it is empty.

    Raises:
        UsageError: Another count is going on.
    """
    with locked(folder, hint="wait for it to end, or write another table"):
        yield
    with suppress(OSError):  # not empty: there is something to go on with
        folder.rmdir()


class PartialResults:
    """The files that are counted already, a line of JSON each, in a folder.

    Every process appends to a file of its own. A file of many images is kept when all of them are
    counted; one that cannot be read to its end is not, and so tried again.

    Args:
        folder: Their folder.
        stems: By name of the files that are asked for, what their results are called.
    """

    def __init__(self, folder: Path, stems: Mapping[str, str]) -> None:
        self.folder = folder
        self._stems = stems
        self._file = folder / f"{uuid4().hex}.jsonl"
        self._begun = ""

    def begin(self, settings: Settings) -> None:
        """Go on with what is there, or start anew where it is of other settings."""
        before = self._settings()
        if before == settings:
            return
        if before:
            names = before.keys() | settings.keys()
            changed = sorted(name for name in names if before.get(name) != settings.get(name))
            say(
                f"crowdkit: {self.folder} is of a count with other settings "
                f"({', '.join(changed)}): starting anew",
                err=True,
            )
        self.remove()
        with atomic_write(self.folder / SETTINGS_FILE) as temporary:
            temporary.write_text(json.dumps(dict(settings), indent=2) + "\n", encoding="utf-8")

    def finished(self) -> dict[str, FileResult]:
        """What is kept of files that are still asked for, and are what they were."""
        return {
            line["file"]: FileResult.of_plain(line)
            for line in self._lines()
            if line["stem"] == self._stems.get(line["file"])
            and line["state"] == _state(line["file"])
        }

    def counted(self, image: Counted, files: Mapping[str, FileResult]) -> None:
        """Note that an image was counted.

        Args:
            image: The image.
            files: Results of files by name, its own among them.
        """
        if self._begun != image.name:
            self.ended(files)
        self._begun = image.name
        if image.frame is None:  # the only one of its file
            self.ended(files)

    def failed(self, error: CrowdkitError) -> None:
        """Note that a file could not be read, or not to its end."""
        if self._begun and self._begun in error.message:
            self._begun = ""

    def ended(self, files: Mapping[str, FileResult]) -> None:
        """Keep the file whose images came last, as no more of them will come."""
        name, self._begun = self._begun, ""
        if not name or (state := _state(name)) is None:
            return
        about = {"file": name, "stem": self._stems[name], "state": state}
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="ascii") as file:  # one write, closed at once
            file.write(json.dumps({**about, **files[name].plain()}) + "\n")

    def remove(self) -> None:
        """Remove what is kept."""
        for file in (*self.folder.glob("*.jsonl"), self.folder / SETTINGS_FILE):
            file.unlink(missing_ok=True)

    def _settings(self) -> Settings:
        try:
            settings: Settings = parse_json((self.folder / SETTINGS_FILE).read_bytes())
        except (OSError, ValueError):  # none, or damaged
            return {}
        return settings

    def _lines(self) -> Iterator[dict[str, Any]]:
        for file in sorted(self.folder.glob("*.jsonl")):
            for line in file.read_text(encoding="ascii", errors="replace").splitlines():
                with suppress(ValueError):  # the last one, which a kill cut short
                    yield parse_json(line)


def _described(name: str, value: object) -> str:
    """An option's value, or the content of a file that it names to be read."""
    if isinstance(value, Path) and name not in WRITTEN and value.is_file():
        return sha256_of(value)
    return str(value)


def _state(name: str) -> list[int] | None:
    """What changes when a file does; None for what is no file, as a camera."""
    try:
        about = os.stat(name)
    except OSError:
        return None
    return [about.st_size, about.st_mtime_ns]
