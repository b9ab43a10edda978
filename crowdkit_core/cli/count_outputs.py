"""Print and write what `crowdkit count` finds."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from crowdkit_core.cli.clip_progress import aside_of_bars
from crowdkit_core.cli.output import print_json, say
from crowdkit_core.cli.partial_results import FileResult
from crowdkit_core.cli.result_names import frame_name
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
from crowdkit_core.inference.sources import Source, Span, is_video
from crowdkit_core.inference.timeline import ClipCounts, clips_in, smoothed
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
    window: Span | None
    tool: FormatName | None = field(init=False)
    files: dict[str, FileResult] = field(default_factory=dict, init=False)
    said: set[tuple[str, str]] = field(default_factory=set, init=False)

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
        """The rows of all images, file by file, those of clips with their medians."""
        rows = [row for each in self.files.values() for row in each.rows]
        return rows if self.window is None else smoothed(rows, self.window)

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

    def require_names(self, images: Sequence[Source]) -> None:
        """Refuse, before any work, images that lists of points could not name.

        Raises:
            DataError: A name is no text.
            UsageError: Annotations of frames, which are no files.
        """
        if not self.need_points:
            return
        if self.annotations is not None and any(map(is_video, images)):
            raise UsageError(
                "--annotations is for files of images, and frames of a clip are none",
                hint="--points lists what is found in each frame",
            )
        for image in images:
            try:
                str(image).encode()
            except UnicodeEncodeError as error:
                raise DataError(
                    f"{image}: its name is no UTF-8, so that no list of points can name it",
                    hint="rename it, or leave out --points and --annotations",
                ) from error

    def add(self, counted: Counted, stem: str) -> None:
        """Show one image's count, and write its picture and map under a file stem.

        Args:
            counted: An image, or one of a file of many.
            stem: Of the file's results; each image of many gets one of its own.
        """
        result = self.files.setdefault(counted.name, FileResult())
        result.rows.append(CountRow.of(counted))
        result.zones.append(in_zones(counted))
        stem = frame_name(stem, counted.frame)
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
        with aside_of_bars():
            self._say_notes(counted)
            if not self.as_json:
                _say_count(counted)

    def _say_notes(self, counted: Counted) -> None:
        """Say what is to be known, once for all images of a file, whatever its numbers."""
        for note in counted.notes:
            kind = counted.name, re.sub(r"[\d.]+", "", note)
            if kind not in self.said:
                say(f"{counted.title}: {note}", err=True)
            self.said.add(kind)

    def finish(self) -> None:
        """Write the files of all images, and show their sum, or what clips come to."""
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
        if self.as_json:
            zones = (each for result in self.files.values() for each in result.zones)
            print_json([{**asdict(row), **more} for row, more in zip(rows, zones, strict=True)])
        else:
            _say_sums(rows)
        if any(map(_is_apart, rows)):
            count = sum(row.count for row in rows)
            for file in filter(None, (self.points, self.annotations)):
                click.echo(
                    f"crowdkit: {file} holds the {points_found(_points(rows))}, which are not the "
                    f"{count:.0f} counted: look through them before use",
                    err=True,
                )


def _say_count(counted: Counted) -> None:
    plain = counted.interval is None and not counted.points_differ
    shown = f"{counted.count:.1f}" if plain else str(counted)
    for line in [f"{counted.title}\t{shown}", *zone_lines(counted)]:
        say(line)


def _say_sums(rows: Sequence[CountRow]) -> None:
    for name, clip in clips_in(rows).items():
        say(f"{name}\t{ClipCounts.of(clip)}")
    images = [row for row in rows if row.time is None]
    if len(images) > 1:
        said = f", {points_found(_points(images))}" if any(map(_is_apart, images)) else ""
        click.echo(f"{len(images)} images\t{sum(row.count for row in images):.1f}{said}")


def _points(rows: Sequence[CountRow]) -> int:
    return sum(row.points_found or 0 for row in rows)


def _is_apart(row: CountRow) -> bool:
    return row.points_found is not None and differ(row.count, row.points_found)
