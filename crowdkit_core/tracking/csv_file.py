"""The tracker `csv`: a table of the run's numbers."""

import csv
from collections.abc import Mapping
from pathlib import Path

from crowdkit_core.files import atomic_write
from crowdkit_core.interfaces import TrackedRun, Tracker

EPOCH = "epoch"


class CSV(Tracker):
    """A line for each epoch in ``csv/metrics.csv`` of the run's folder, with a column a number.

    The file is whole at any time. A resumed run goes on in it; lines of epochs that are trained
    again are replaced. (The ``CSVLogger`` of lightning-fabric deletes the file of an earlier run.)
    """

    def __init__(self) -> None:
        self._path = Path()
        self._rows: list[dict[str, str]] = []

    def start(self, run: TrackedRun) -> None:
        """Read what there is of a resumed run."""
        self._path = run.directory / "csv" / "metrics.csv"
        self._path.parent.mkdir(exist_ok=True)
        self._rows = _read(self._path) if run.resumed and self._path.exists() else []

    def log_values(self, values: Mapping[str, float], *, epoch: int) -> None:
        """Write the file anew with one more line."""
        kept = [row for row in self._rows if int(row[EPOCH]) < epoch]
        row = {EPOCH: str(epoch), **{name: repr(value) for name, value in values.items()}}
        self._rows = [*kept, row]
        columns = dict.fromkeys(name for each in self._rows for name in each)
        with (
            atomic_write(self._path) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(self._rows)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
