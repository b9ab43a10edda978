"""Write counts and density maps to files."""

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.files import atomic_write

if TYPE_CHECKING:  # which has this as its output
    from crowdkit_core.inference.counted import Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow:
    """A row of a table of counts.

    Attributes:
        file: The file as given.
        count: People inside the region, or in the whole image without one.
        whole_count: People in the whole image.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        approximate: The tiles were too small a view for the counter.
        low: Least number of people at ``level``; None without an interval.
        high: Most people at ``level``.
        level: Probability that the actual count lies between them.
        points_found: Number of points; None where nothing looked for them.
        frame: Place of the image in a file of many, from 0.
        time: Seconds from the beginning of a clip.
        t: Time point in a stack whose metadata names the axis, from 0.
        z: Depth, likewise.
        channel: The name of the channel, where metadata gives it one.
    """

    file: str
    count: float
    whole_count: float
    width: int
    height: int
    approximate: bool
    low: float | None = None
    high: float | None = None
    level: float | None = None
    points_found: int | None = None
    frame: int | None = None
    time: float | None = None
    t: int | None = None
    z: int | None = None
    channel: str | None = None

    @classmethod
    def of(cls, counted: "Counted") -> Self:
        """The row of one image."""
        height, width = counted.size
        interval = counted.interval
        return cls(
            file=counted.name,
            count=counted.count,
            whole_count=counted.whole_count,
            width=width,
            height=height,
            approximate=counted.approximate,
            low=None if interval is None else interval.low,
            high=None if interval is None else interval.high,
            level=None if interval is None else interval.level,
            points_found=None if counted.points is None else counted.found,
            frame=counted.frame,
            time=counted.time,
            **counted.place,  # type: ignore[arg-type]  # its axes are these
        )


def write_counts(path: str | Path, rows: Iterable[CountRow]) -> None:
    """Write a table of counts, as CSV or as a JSON list by the suffix of ``path``.

    In CSV a file's name is the bytes that the system has for it, even where they are no UTF-8.

    Raises:
        UsageError: The suffix is neither ``.csv`` nor ``.json``.
    """
    file = Path(path)
    if file.suffix.lower() not in {".csv", ".json"}:
        raise UsageError(f"{path}: tables are written as .csv or .json")
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as opened,
    ):
        if file.suffix.lower() == ".json":
            json.dump([asdict(row) for row in rows], opened, indent=2)
            return
        writer = csv.DictWriter(opened, [field.name for field in fields(CountRow)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def save_density(path: str | Path, counted: "Counted") -> None:
    """Write the density map as a ``.npy`` file: (h, w) float32 persons per cell.

    Raises:
        IncompatibleError: The counter gave no map.
        UsageError: The suffix is not ``.npy``.
    """
    if Path(path).suffix != ".npy":
        raise UsageError(f"{path}: density maps are written as .npy")
    if counted.density is None:
        raise IncompatibleError(f"{counted.name or 'image'}: the counter gives no density map")
    with atomic_write(path) as temporary:
        np.save(temporary, counted.density.float().numpy())
