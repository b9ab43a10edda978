"""Write counts and density maps to files."""

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.files import atomic_write
from crowdkit_core.inference.zones import CountedZone

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
        smoothed: Median of the counts of a clip round this time; None outside of clips.
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
    smoothed: float | None = None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRow:
    """A row of a table of zones.

    Attributes:
        file: The file as given.
        frame: As of `CountRow`.
        time: As of `CountRow`.
        zone: Its name; ``elsewhere`` for what is outside all zones.
        count: People in it.
        points_found: Number of points in it; None where nothing looked for them.
        area_pixels: Pixels that are its own.
        square_metres: Its area on the ground; None without a ground.
        per_square_metre: People per square metre.
        walkway: Fruin's level of service where people walk, A to F; None where it is not people.
        queueing: The same where they stand and wait.
        danger: Empty, ``dense`` or ``fluid``; see `inference.levels`.
    """

    file: str
    frame: int | None
    time: float | None
    zone: str
    count: float
    points_found: int | None
    area_pixels: int
    square_metres: float | None
    per_square_metre: float | None
    walkway: str | None
    queueing: str | None
    danger: str | None

    @classmethod
    def of(cls, counted: "Counted") -> tuple[Self, ...]:
        """The rows of one image."""
        return tuple(cls._of_zone(counted, zone) for zone in counted.zones)

    @classmethod
    def _of_zone(cls, counted: "Counted", zone: CountedZone) -> Self:
        level = zone.level if counted.things == "people" else None
        return cls(
            file=counted.name,
            frame=counted.frame,
            time=counted.time,
            zone=zone.name,
            count=zone.count,
            points_found=zone.points_found,
            area_pixels=zone.area_pixels,
            square_metres=zone.square_metres,
            per_square_metre=zone.per_square_metre,
            walkway=None if level is None else level.walkway,
            queueing=None if level is None else level.queueing,
            danger=None if level is None else level.danger,
        )


def in_zones(counted: "Counted") -> dict[str, Any]:
    """The zones of one image and its area for JSON; empty where it was counted without either."""
    if counted.division is None:
        return {}
    of_image = {"file", "frame", "time"}
    zones = [
        {name: value for name, value in asdict(zone).items() if name not in of_image}
        for zone in ZoneRow.of(counted)
    ]
    return {
        "square_metres": counted.square_metres,
        "per_square_metre": counted.per_square_metre,
        "zones": zones,
    }


def write_counts(path: str | Path, rows: Iterable[CountRow]) -> None:
    """Write a table of counts, as CSV or as a JSON list by the suffix of ``path``.

    In CSV a file's name is the bytes that the system has for it, even where they are no UTF-8.

    Raises:
        UsageError: The suffix is neither ``.csv`` nor ``.json``.
    """
    _write_table(path, CountRow, rows)


def write_zones(path: str | Path, rows: Iterable[ZoneRow]) -> None:
    """Write a table of zones; errors and the rest as of `write_counts`."""
    _write_table(path, ZoneRow, rows)


def require_table(path: str | Path) -> None:
    """Refuse a table that would be neither CSV nor JSON.

    Raises:
        UsageError: The suffix is neither ``.csv`` nor ``.json``.
    """
    if Path(path).suffix.lower() not in {".csv", ".json"}:
        raise UsageError(f"{path}: tables are written as .csv or .json")


def _write_table(
    path: str | Path, kind: type[CountRow | ZoneRow], rows: Iterable[CountRow | ZoneRow]
) -> None:
    require_table(path)
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as opened,
    ):
        if Path(path).suffix.lower() == ".json":
            json.dump([asdict(row) for row in rows], opened, indent=2)
            return
        writer = csv.DictWriter(opened, [field.name for field in fields(kind)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def save_density(path: str | Path, counted: "Counted") -> None:
    """Write the density map as a ``.npy`` file: (h, w) float32 persons per cell.

    Raises:
        IncompatibleError: The counter gave no map.
        UsageError: The suffix is not ``.npy``.
    """
    if counted.density is None:
        raise IncompatibleError(f"{counted.name or 'image'}: the counter gives no density map")
    save_map(path, counted.density)


def save_map(path: str | Path, values: Float[Tensor, "h w"]) -> None:
    """Write a map as a ``.npy`` file of float32.

    Raises:
        UsageError: The suffix is not ``.npy``.
    """
    if Path(path).suffix != ".npy":
        raise UsageError(f"{path}: density maps are written as .npy")
    with atomic_write(path) as temporary:
        np.save(temporary, values.float().numpy())
