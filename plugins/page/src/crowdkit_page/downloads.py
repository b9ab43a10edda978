"""Files to take along: tables, pictures and points in the formats of annotation tools."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from crowdkit_core.data.annotations import (
    FORMATS,
    FormatName,
    Mark,
    MarkedImage,
    write_annotations,
)
from crowdkit_core.errors import UsageError
from crowdkit_core.inference import CountRow, ZoneRow, write_counts, write_zones
from crowdkit_page.drawing import counted_png
from crowdkit_page.photos import Photo


class Download(NamedTuple):
    """A file for the visitor.

    Attributes:
        name: What the browser is told to call it.
        content: Its bytes.
    """

    name: str
    content: bytes


def written_formats() -> dict[FormatName, str]:
    """The annotation formats that can be written, with what people call them."""
    return {name: each.title for name, each in FORMATS.items() if each.write is not None}


def picture(photo: Photo) -> Download:
    """The photo with heat, dots, zones and the count."""
    return Download(f"{Path(photo.name).stem}-counted.png", counted_png(photo))


def counts_table(photos: Sequence[Photo]) -> Download:
    """The counts of all photos that were counted, as CSV.

    Raises:
        UsageError: None was counted.
    """
    rows = [CountRow.of(photo.counted) for photo in photos if photo.counted is not None]
    _require(rows, "no photo is counted yet")
    return Download("counts.csv", _content("counts.csv", lambda path: write_counts(path, rows)))


def zones_table(photos: Sequence[Photo]) -> Download:
    """The counts of all zones, as CSV.

    Raises:
        UsageError: No photo was counted with zones.
    """
    counted = [photo.counted for photo in photos if photo.counted is not None]
    rows = [row for each in counted for row in ZoneRow.of(each)]
    _require(rows, "no photo is counted in zones yet")
    return Download("zones.csv", _content("zones.csv", lambda path: write_zones(path, rows)))


def points_file(photos: Sequence[Photo], format: FormatName) -> Download:
    """The dots of all photos that were counted or corrected, as annotations.

    A format with a file for each image comes as a ZIP archive.

    Raises:
        UsageError: No photo has been counted or corrected, or the format is only read.
        DataError: A name or a value cannot be written in the format.
    """
    chosen = [photo for photo in photos if photo.counted is not None or photo.dots.is_corrected]
    _require(chosen, "no photo is counted yet")
    images = [marked(photo) for photo in chosen]
    name = "points" if FORMATS[format].per_image else f"points{FORMATS[format].suffixes[0]}"
    with tempfile.TemporaryDirectory(prefix="crowdkit-points-") as folder:
        path = Path(folder) / name
        write_annotations(path, images, format=format)
        if path.is_file():
            return Download(name, path.read_bytes())
        return Download("points.zip", _zipped(path))


def marked(photo: Photo) -> MarkedImage:
    """The dots of a photo as an annotation of it; scores are of found points alone."""
    scores: Sequence[float | None] = [None] * len(photo.dots)
    counted = photo.counted
    if not photo.dots.is_corrected and counted is not None and counted.points is not None:
        scores = counted.points.score.tolist()
    marks = tuple(
        Mark(x, y, score=score) for (x, y), score in zip(photo.dots.xy, scores, strict=True)
    )
    return MarkedImage(name=photo.name, marks=marks, size=photo.size, file=photo.path)


def _content(name: str, write: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="crowdkit-table-") as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def _zipped(folder: Path) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return written.getvalue()


def _require(rows: Sequence[object], message: str) -> None:
    if not rows:
        raise UsageError(message, hint="drop a photo, and press Count")
