"""Find which file holds the points of which image in a user's folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from crowdkit_core.data.annotations.formats import FORMATS, FormatName, Listed, Reading
from crowdkit_core.data.annotations.lists import list_suffixes, match_lists
from crowdkit_core.data.annotations.marks import SPLIT_NAMES, MarkedImage
from crowdkit_core.data.annotations.names import ImageNames, can_be_path, is_below
from crowdkit_core.data.annotations.opening import read_as
from crowdkit_core.data.annotations.recognition import format_of, format_of_one_image
from crowdkit_core.data.annotations.whole_files import (
    TABLES,
    exported_table,
    named_table,
    unreadable_table,
)
from crowdkit_core.data.files import IMAGE_SUFFIXES, TextFile, images_below
from crowdkit_core.errors import DataError, MissingFileError, shown

_LONGEST_PATH = 1024
"""Characters beyond which some systems refuse a path."""


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image and what was found about it.

    Attributes:
        image: The image file; missing if only the annotations speak of it.
        truth: The table, the image's own list, or where neither was found.
        read: Reads what ``truth`` says of the image; None if it does not mention it.
        split: The split named there, if any.
        format: Of the table; None for a list, whose format shows when it is read.
    """

    image: Path
    truth: Path
    read: Callable[[], MarkedImage] | None = None
    split: str = ""
    format: FormatName | None = None


def find_annotated(
    root: Path,
    annotations: Path | None = None,
    *,
    format: FormatName | None,
    reading: Reading,
    masks: Path | None = None,
) -> list[FoundImage]:
    """Every image below ``root`` and every image its annotations mention.

    Args:
        root: Searched with its subfolders.
        annotations: File or folder below ``root`` (or absolute), or below each split's folder;
            None to look for `TABLES`, else files named as the images, else a tool's export.
        format: As of `read_annotations`.
        reading: Options of reading; its folder does not matter.
        masks: A folder whose images are no photos.

    Raises:
        DataError: No images, a malformed table, a list or an image that belongs to two of the
            other, several files that may be meant, or ``annotations`` is not there.
    """

    def find(base: Path) -> list[FoundImage] | None:
        images = [p for p in images_below(base) if masks is None or masks not in p.parents]
        if not images:
            raise DataError(f"{base}: no images, expected {' '.join(sorted(IMAGE_SUFFIXES))}")
        points = _points_of(base, annotations)
        if annotations and points is None:
            return None
        folder = points if points and points.is_dir() else base
        if not points or points.is_dir():
            found = _in_lists(base, images, format, replace(reading, folder=folder))
            points = None if found or annotations else exported_table(base, images, format)
            if points is None:
                return found
        return _in_table(base, images, points, format, replace(reading, folder=points.parent))

    def require(base: Path, found: list[FoundImage] | None) -> list[FoundImage]:
        if found is None:
            raise _nothing(base, annotations)
        return found

    parts = [root / name for name in SPLIT_NAMES if (root / name).is_dir()]
    if parts and _points_of(root, annotations) is None:
        by_part = [(part, find(part)) for part in parts]
        if any(found is not None for _, found in by_part):
            return [each for part, found in by_part for each in require(part, found)]
    return require(root, find(root))


def _points_of(folder: Path, annotations: Path | None) -> Path | None:
    if annotations is None:
        return named_table(folder)
    return folder / annotations if (folder / annotations).exists() else None


def _nothing(base: Path, annotations: Path | None) -> MissingFileError:
    if annotations and not (base / annotations).exists():
        return MissingFileError(f"{base / annotations}: no such annotation file or folder")
    problem = "" if annotations else unreadable_table(base)
    return MissingFileError(
        f"{base / annotations if annotations else base}: no annotations, expected "
        f"{' or '.join(TABLES)}, the export of an annotation tool, or a .csv, .txt, .json or .xml "
        "file with the name of each image" + (f"; {problem}" if problem else ""),
        hint="set `annotations` to the file or folder of the points",
    )


def _in_table(
    base: Path, images: list[Path], table: Path, format: FormatName | None, reading: Reading
) -> list[FoundImage]:
    file = TextFile(table)
    files = {image.relative_to(base).as_posix(): image for image in images}
    names = ImageNames(files, base)
    named: dict[Path, str] = {}
    found = []
    known = format or format_of(file)
    for name, split, read in read_as(known, file, reading):
        matches = [files[each] for each in names.find(name)]
        if not matches and FORMATS[known].per_image:
            raise MissingFileError(
                f"{table}: the file of one image ({known}), but no image of {base} is called "
                f"{shown(name)}",
                hint="call it as its image is called, such as a.csv beside a.tif",
            )
        matches = matches or [_missing(base, name, table)]
        if len(matches) > 1:
            raise DataError(f"{table}: {name!r} may be {matches[0]} or {matches[1]}")
        image = matches[0]
        if image in named:
            raise DataError(f"{table}: {named[image]!r} and {name!r} are the same image")
        named[image] = name
        found.append(FoundImage(image, table, read, split, known))
    return found + [FoundImage(p, table) for p in images if p not in named]


def _missing(base: Path, name: str, table: Path) -> Path:
    """Where an image would be that is not there; never outside the folder."""
    if not (is_below(name) and can_be_path(name) and len(str(base / name)) < _LONGEST_PATH):
        raise MissingFileError(
            f"{table}: {shown(name)} is no image of {base}",
            hint="name images by their path below that folder, such as night/a.jpg",
        )
    return base / name


def _in_lists(
    base: Path, images: list[Path], format: FormatName | None, reading: Reading
) -> list[FoundImage] | None:
    suffixes = list_suffixes(format)
    if not suffixes:
        if format is not None and reading.folder == base and exported_table(base, images, format):
            return None
        raise DataError(
            f"{reading.folder}: {format} is one file of all images",
            hint="set `annotations` to that file",
        )
    lists, orphans = match_lists(images, base, reading.folder, suffixes)
    if not lists:
        return None
    unmentioned = [FoundImage(image, reading.folder) for image in images if image not in lists]
    owners = [*lists.items()]
    if reading.folder != base:  # beside the photos, other text files may lie
        owners += [
            (base / orphan.relative_to(reading.folder).with_suffix(".jpg"), orphan)
            for orphan in orphans
        ]
    return unmentioned + [
        FoundImage(image, file, partial(_read_list, file, image, format, reading))
        for image, file in owners
    ]


def _read_list(path: Path, image: Path, format: FormatName | None, reading: Reading) -> MarkedImage:
    file = TextFile(path)
    name = format or format_of_one_image(file)
    found = read_as(name, file, replace(reading, image=image))
    if not FORMATS[name].per_image:
        _require_of_one(image, found, path)
    if not found:
        return MarkedImage(name=image.name, marks=())
    if found[0].read is None:
        raise DataError(f"{path}: does not say who is in {image.name}")
    return found[0].read()


def _require_of_one(image: Path, found: Sequence[Listed], path: Path) -> None:
    """Refuse a list of other images in what is by its name the list of one."""
    own = ImageNames([image.name])
    others = [each.name for each in found if not own.find(each.name)]
    if others or len(found) > 1:
        said = shown((others or [found[1].name])[0])
        raise DataError(
            f"{path}: image {said} in what is by its name the file of {image.name} alone"
        )
