"""Print and write what `crowdkit count` finds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from crowdkit_core.cli.output import print_json, say
from crowdkit_core.data.annotations import FormatName, MarkedImage, format_named, require_free
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.inference import Counted, CountRow, marked_image, write_counts, write_points
from crowdkit_core.inference.counted import differ, points_found
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
    as_json: bool
    tool: FormatName | None = field(init=False)
    rows: list[CountRow] = field(default_factory=list, init=False)
    found: list[MarkedImage] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
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
        self.rows.append(CountRow.of(counted))
        if self.need_points:
            self.found.append(marked_image(counted))
        if self.pictures is not None:
            counted.save(self.pictures / f"{stem}.png")
            if self.attention:
                save(counted.plot_attention(), self.pictures / f"{stem}-attention.png")
        if self.densities is not None:
            counted.save(self.densities / f"{stem}.npy")
        for note in counted.notes:
            say(f"{counted.title}: {note}", err=True)
        if not self.as_json:
            plain = counted.interval is None and not counted.points_differ
            shown = f"{counted.count:.1f}" if plain else str(counted)
            say(f"{counted.title}\t{shown}")

    def finish(self) -> None:
        """Write the files of all images, and show their sum."""
        if self.rows:
            if self.csv is not None:
                write_counts(self.csv, self.rows)
            if self.points is not None:
                write_points(self.points, self.found, overwrite=True)
            if self.annotations is not None:
                write_points(self.annotations, self.found, format=self.tool)
        count = sum(row.count for row in self.rows)
        points = sum(row.points_found or 0 for row in self.rows)
        apart = any(
            row.points_found is not None and differ(row.count, row.points_found)
            for row in self.rows
        )
        if self.as_json:
            print_json([asdict(row) for row in self.rows])
        elif len(self.rows) > 1:
            said = f", {points_found(points)}" if apart else ""
            click.echo(f"{len(self.rows)} images\t{count:.1f}{said}")
        if apart:
            for file in filter(None, (self.points, self.annotations)):
                click.echo(
                    f"crowdkit: {file} holds the {points_found(points)}, which are not the "
                    f"{count:.0f} counted: look through them before use",
                    err=True,
                )
