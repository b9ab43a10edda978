"""The log of a run: one JSON object per line, in ``log.jsonl`` of its folder."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crowdkit_core.jsonable import jsonable
from crowdkit_core.registry.hooks import hookimpl

LOG_FILE = "log.jsonl"


class JsonlLog:
    """Appends a line when training starts, after each epoch, and when training ends.

    Each line has ``event`` (``training_started``, ``epoch_ended`` or ``training_ended``) and
    ``time``. A resumed run goes on in the same file after another ``training_started``; of two
    lines for one epoch the later one counts. NaN and infinity are written as null.
    """

    def __init__(self) -> None:
        self._path: Path | None = None

    @hookimpl
    def training_started(self, directory: Path, stages: Mapping[str, int]) -> None:
        """Start the log of a run folder, or continue it."""
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / LOG_FILE
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
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
