"""The log of a run: one JSON object per line, in ``log.jsonl`` of its folder."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from os import SEEK_END
from pathlib import Path
from typing import Any

from crowdkit_core.errors import CrowdkitError
from crowdkit_core.jsonable import jsonable
from crowdkit_core.parsing import parse_json
from crowdkit_core.registry.hooks import hookimpl

LOG_FILE = "log.jsonl"


class JsonlLog:
    """Appends a line when training starts, after each epoch, and when training ends.

    Each line has ``event`` (``training_started``, ``epoch_ended`` or ``training_ended``) and
    ``time``. A resumed run goes on in the same file after another ``training_started``; of two
    lines for one epoch the later one counts. NaN and infinity are written as null. Each line is
    handed to the system as it is written; half a line, which a crash of the machine or a full disk
    leaves at the end, is taken away when the run goes on.
    """

    def __init__(self) -> None:
        self._path: Path | None = None

    @hookimpl
    def training_started(self, directory: Path, stages: Mapping[str, int]) -> None:
        """Start the log of a run folder, or continue it."""
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / LOG_FILE
        _end_last_line(self._path)
        self._write("training_started", {"stages": dict(stages)})

    @hookimpl
    def epoch_ended(self, record: Mapping[str, Any]) -> None:
        """Write the line of an epoch."""
        self._write("epoch_ended", record)

    @hookimpl
    def training_ended(self, completed: bool) -> None:
        """Write the last line."""
        self._write("training_ended", {"completed": completed})
        self._path = None

    def _write(self, event: str, values: Mapping[str, Any]) -> None:
        if self._path is None:
            return
        time = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps({"event": event, "time": time, **jsonable(values)}, default=str)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise CrowdkitError(f"{self._path}: cannot be written: {error}") from error


def _end_last_line(path: Path) -> None:
    """Take away half a line at the end, and end a whole one."""
    try:
        content = path.read_bytes() if path.exists() else b""
        if content.endswith(b"\n") or not content:
            return
        start = content.rfind(b"\n") + 1
        with path.open("r+b") as file:
            if _is_json(content[start:]):
                file.seek(0, SEEK_END)
                file.write(b"\n")
            else:
                file.truncate(start)
    except OSError as error:
        raise CrowdkitError(f"{path}: cannot be continued: {error}") from error


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line)
    except ValueError:
        return False
    return True
