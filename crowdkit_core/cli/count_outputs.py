"""Print and write what `crowdkit count` finds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from crowdkit_core.cli.output import print_json, say
from crowdkit_core.cli.partial_results import FileResult
from crowdkit_core.cli.zone_options import zone_lines
from crowdkit_core.data.annotations import FormatName, MarkedImage, format_named, require_free
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.inference import (
    Counted,
    CountRow,
    ZoneRow,
    marked_image,
    write_counts,
    write_points,
    write_zones,
)
from crowdkit_core.inference.counted import differ, points_found
from crowdkit_core.inference.output import in_zones, require_table, save_map
from crowdkit_core.visual import save


@dataclass(kw_only=True)
class CountOutputs:
    """The lines and files that the options of `crowdkit count` ask for, by their names.

    Raises:
        UsageError: A file cannot be written as asked.
        DataError: Annotations would replace a file.
    """

    csv: Path | None
    points: Path | None
    annotations: Path | None
    annotations_format: str | None
    pictures: Path | None
    attention: bool
    densities: Path | None
    zones_csv: Path | None
    ground_densities: Path | None
    as_json: bool
    tool: FormatName | None = field(init=False)
    files: dict[str, FileResult] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for table in filter(None, (self.csv, self.zones_csv)):
            require_table(table)
        if self.points is not None and self.points.suffix.lower() not in (".csv", ".json"):
            raise UsageError(
                f"{self.points}: points are written as .csv or .json",
                hint="--annotations writes the formats of annotation tools",
            )
        if self.annotations_format is not None and self.annotations is None:
            raise UsageError("--annotations-format without --annotations")
        if self.attention and self.pictures is None:
            raise UsageError("--attention without --pictures")
        self.tool = format_named(self.annotations_format)
        if self.annotations is not None:
            require_free(self.annotations, self.tool)

    @property
    def rows(self) -> list[CountRow]:
        """The rows of all images, file by file."""
        return [row for each in self.files.values() for row in each.rows]

    @property
    def _zone_rows(self) -> list[ZoneRow]:
        return [
            ZoneRow(file=row.file, frame=row.frame, time=row.time, **zone)
            for result in self.files.values()
            for row, more in zip(result.rows, result.zones, strict=True)
            for zone in more.get("zones", ())
        ]

    @property
    def found(self) -> list[MarkedImage]:
        """The points of all images, where they are asked for."""
        return [image for each in self.files.values() for image in each.found]

    @property
    def last_written(self) -> Path | None:
        """A file that is there only when everything is counted; None if none is asked for."""
        return self.csv or self.zones_csv or self.points or self.annotations

    @property
    def need_points(self) -> bool:
        """Whether an option asks where people are."""
        return self.points is not None or self.annotations is not None

    def require_names(self, images: Sequence[Path]) -> None:
        """Refuse, before any work, images that lists of points could not name.

        Raises:
            DataError: A name is no text.
        """
        if not self.need_points:
            return
        for image in images:
            try:
                str(image).encode()
            except UnicodeEncodeError as error:
                raise DataError(
                    f"{image}: its name is no UTF-8, so that no list of points can name it",
                    hint="rename it, or leave out --points and --annotations",
                ) from error

    def add(self, counted: Counted, stem: str) -> None:
        """Show one image's count, and write its picture and map under a file stem."""
        result = self.files.setdefault(counted.name, FileResult())
        result.rows.append(CountRow.of(counted))
        result.zones.append(in_zones(counted))
        if self.need_points:
            result.found.append(marked_image(counted))
        if self.pictures is not None:
            counted.save(self.pictures / f"{stem}.png")
            if self.attention:
                save(counted.plot_attention(), self.pictures / f"{stem}-attention.png")
        if self.densities is not None:
            counted.save(self.densities / f"{stem}.npy")
        if self.ground_densities is not None:
            save_map(self.ground_densities / f"{stem}.npy", counted.ground_density())
        for note in counted.notes:
            say(f"{counted.name}: {note}", err=True)
        if not self.as_json:
            plain = counted.interval is None and not counted.points_differ
            shown = f"{counted.count:.1f}" if plain else str(counted)
            for line in [f"{counted.name}\t{shown}", *zone_lines(counted)]:
                say(line)

    def finish(self) -> None:
        """Write the files of all images, and show their sum."""
        rows = self.rows
        if rows:
            if self.csv is not None:
                write_counts(self.csv, rows)
            if self.zones_csv is not None:
                write_zones(self.zones_csv, self._zone_rows)
            if self.points is not None:
                write_points(self.points, self.found, overwrite=True)
            if self.annotations is not None:
                write_points(self.annotations, self.found, format=self.tool)
        count = sum(row.count for row in rows)
        points = sum(row.points_found or 0 for row in rows)
        apart = any(
            row.points_found is not None and differ(row.count, row.points_found) for row in rows
        )
        if self.as_json:
            zones = (each for result in self.files.values() for each in result.zones)
            print_json([{**asdict(row), **more} for row, more in zip(rows, zones, strict=True)])
        elif len(rows) > 1:
            said = f", {points_found(points)}" if apart else ""
            click.echo(f"{len(rows)} images\t{count:.1f}{said}")
        if apart:
            for file in filter(None, (self.points, self.annotations)):
                click.echo(
                    f"crowdkit: {file} holds the {points_found(points)}, which are not the "
                    f"{count:.0f} counted: look through them before use",
                    err=True,
                )
