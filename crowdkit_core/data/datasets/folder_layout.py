"""Find which file holds the points of which image in a user's folder."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from crowdkit_core.data.annotations import (
    FORMATS,
    BoxPoint,
    Columns,
    FormatName,
    MarkedImage,
    aliases,
)
from crowdkit_core.data.annotations.formats import Reading
from crowdkit_core.data.annotations.recognition import format_of, format_of_one_image
from crowdkit_core.data.datasets.splits import SPLIT_NAMES
from crowdkit_core.data.files import IMAGE_SUFFIXES, TextFile, images_below
from crowdkit_core.errors import DataError, MissingFileError

TABLES = tuple(sorted(f"annotations{each.suffix}" for each in FORMATS.values() if each.by_suffix))
"""Names under which a file of all points is found."""


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image and what was found about it.

    Attributes:
        image: The image file; missing if only the annotations speak of it.
        truth: The table, the image's own list, or where neither was found.
        read: Reads what ``truth`` says of the image; None if it does not mention it.
        split: The split named there, if any.
    """

    image: Path
    truth: Path
    read: Callable[[], MarkedImage] | None = None
    split: str = ""


def find_annotated(
    root: Path,
    annotations: Path | None,
    *,
    format: FormatName | None,
    columns: Columns,
    point: BoxPoint,
    masks: Path | None,
) -> list[FoundImage]:
    """Every image below ``root`` and every image its annotations mention.

    Args:
        root: Searched with its subfolders.
        annotations: File or folder below ``root`` (or absolute), or below each split's folder;
            None to look for `TABLES` and files beside images.
        format: As of `Folder`.
        columns: As of `Folder`.
        point: As of `Folder`.
        masks: A folder whose images are no photos.

    Raises:
        DataError: No images, a malformed table, or ``annotations`` is not there.
    """

    def find(base: Path) -> list[FoundImage]:
        points = _points_of(base, annotations)
        if annotations and points is None:
            raise MissingFileError(f"{base / annotations}: no such annotation file or folder")
        images = [p for p in images_below(base) if masks is None or masks not in p.parents]
        if not images:
            raise DataError(f"{base}: no images, expected {' '.join(sorted(IMAGE_SUFFIXES))}")
        folder = points.parent if points and points.is_file() else points or base
        reading = Reading(folder=folder, columns=columns, point=point)
        if points and points.is_file():
            return _in_table(base, images, points, format, reading)
        return _in_lists(base, images, format, reading)

    parts = [root / name for name in SPLIT_NAMES if (root / name).is_dir()]
    if parts and _points_of(root, annotations) is None:
        return [found for part in parts for found in find(part)]
    return find(root)


def with_suffixes(path: Path, suffixes: Iterable[str]) -> list[Path]:
    """The existing files among ``path`` with each suffix put in place of its own."""
    return [file for suffix in suffixes if (file := path.with_suffix(suffix)).is_file()]


def _points_of(folder: Path, annotations: Path | None) -> Path | None:
    names = [annotations] if annotations else TABLES
    return next((folder / name for name in names if (folder / name).exists()), None)


def _in_table(
    base: Path, images: list[Path], table: Path, format: FormatName | None, reading: Reading
) -> list[FoundImage]:
    file = TextFile(table)
    files = {image.relative_to(base).as_posix(): image for image in images}
    meant = aliases(files)
    named: dict[Path, str] = {}
    found = []
    for name, split, read in FORMATS[format or format_of(file)].read(file, reading):
        matches = [files[each] for each in meant.get(name, [])] or [base / name]
        if len(matches) > 1:
            raise DataError(f"{table}: {name!r} may be {matches[0]} or {matches[1]}")
        image = matches[0]
        if image in named:
            raise DataError(f"{table}: {named[image]!r} and {name!r} are the same image")
        named[image] = name
        found.append(FoundImage(image, table, read, split))
    return found + [FoundImage(p, table) for p in images if p not in named]


def _in_lists(
    base: Path, images: list[Path], format: FormatName | None, reading: Reading
) -> list[FoundImage]:
    folder, suffixes = reading.folder, _list_suffixes(format)
    if not suffixes:
        raise DataError(
            f"{folder}: {format} is one file of all images",
            hint="set `annotations` to that file",
        )
    lists: dict[Path, Path] = {}
    for image in images:
        beside = with_suffixes(folder / image.relative_to(base), suffixes)
        if len(beside) > 1:
            raise DataError(f"{image}: annotated twice, by {beside[0]} and {beside[1]}")
        lists |= dict.fromkeys(beside, image)
    if not lists:
        raise MissingFileError(
            f"{folder}: no annotations, expected {' or '.join(TABLES)}, or a .csv, .txt or .json "
            "file with the name of each image",
            hint="set `annotations` to the file or folder of the points",
        )
    annotated = set(lists.values())
    unmentioned = [FoundImage(image, folder) for image in images if image not in annotated]
    if folder != base:  # beside the photos, other text files may lie
        ignored = frozenset().union(*(each.ignored for each in FORMATS.values()))
        there = {p for p in folder.rglob("*") if p.suffix in suffixes and p.name not in ignored}
        for orphan in sorted(there - lists.keys()):
            lists[orphan] = base / orphan.relative_to(folder).with_suffix(".jpg")
    return unmentioned + [
        FoundImage(image, file, partial(_read_list, file, image, format, reading))
        for file, image in lists.items()
    ]


def _list_suffixes(format: FormatName | None) -> list[str]:
    """Suffixes that files of one image may have."""
    formats = FORMATS.values() if format is None else [FORMATS[format]]
    return sorted({suffix for each in formats if each.per_image for suffix in each.suffixes})


def _read_list(path: Path, image: Path, format: FormatName | None, reading: Reading) -> MarkedImage:
    file = TextFile(path)
    (found,) = FORMATS[format or format_of_one_image(file)].read(
        file, replace(reading, image=image)
    )
    return found.read()
