"""Finding which file holds the points of which image in a user's folder."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from crowdkit_core.data.annotations import (
    FORMATS,
    BoxPoint,
    FormatName,
    MarkedImage,
    labelme,
    lists,
    read_annotations,
    recognise,
    tables,
    yolo,
)
from crowdkit_core.data.image_files import find_images
from crowdkit_core.data.image_names import aliases
from crowdkit_core.data.images import IMAGE_SUFFIXES
from crowdkit_core.data.points_files import Columns, read_table
from crowdkit_core.data.problems import MissingFileError
from crowdkit_core.data.splits import SPLIT_NAMES
from crowdkit_core.errors import DataError

TABLES = ("annotations.csv", "annotations.json", "annotations.xml")
LISTS = (".csv", ".txt", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How annotations are to be read; as of the options of `Folder`."""

    columns: Columns = field(default_factory=Columns)
    format: FormatName | None = None
    point: BoxPoint = "centre"
    labels: Collection[str] = ()


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
    root: Path, annotations: Path | None, reading: Reading, masks: Path | None
) -> list[FoundImage]:
    """Every image below ``root`` and every image its annotations mention.

    Args:
        root: Searched with its subfolders.
        annotations: File or folder below ``root`` (or absolute), or below each split's folder;
            None to look for ``annotations.csv``, ``.json`` or ``.xml`` and files beside images.
        reading: How to read them.
        masks: A folder whose images are no photos.

    Raises:
        DataError: No images, a malformed table, or ``annotations`` is not there.
    """
    parts = [root / name for name in SPLIT_NAMES if (root / name).is_dir()]
    if parts and _points_of(root, annotations) is None:
        return [
            found
            for part in parts
            for found in _find(part, _points_of(part, annotations), annotations, reading, masks)
        ]
    return _find(root, _points_of(root, annotations), annotations, reading, masks)


def with_suffixes(path: Path, suffixes: Iterable[str]) -> list[Path]:
    """The existing files among ``path`` with each suffix put in place of its own."""
    return [file for suffix in suffixes if (file := path.with_suffix(suffix)).is_file()]


def _points_of(folder: Path, annotations: Path | None) -> Path | None:
    names = [annotations] if annotations else TABLES
    return next((folder / name for name in names if (folder / name).exists()), None)


def _find(
    base: Path, points: Path | None, asked: Path | None, reading: Reading, masks: Path | None
) -> list[FoundImage]:
    if asked and points is None:
        raise MissingFileError(f"{base / asked}: no such annotation file or folder")
    images = [p for p in find_images(base) if masks is None or masks not in p.parents]
    if not images:
        raise DataError(f"{base}: no images, expected {' '.join(sorted(IMAGE_SUFFIXES))}")
    if points and points.is_file():
        return _in_table(base, images, points, reading)
    return _in_lists(base, images, points or base, reading)


def _in_table(base: Path, images: list[Path], table: Path, reading: Reading) -> list[FoundImage]:
    files = {image.relative_to(base).as_posix(): image for image in images}
    meant = aliases(files)
    named: dict[Path, str] = {}
    found = []
    for name, split, read in _tabled(table, reading):
        matches = [files[each] for each in meant.get(name, [])] or [base / name]
        if len(matches) > 1:
            raise DataError(f"{table}: {name!r} may be {matches[0]} or {matches[1]}")
        image = matches[0]
        if image in named:
            raise DataError(f"{table}: {named[image]!r} and {name!r} are the same image")
        named[image] = name
        found.append(FoundImage(image, table, read, split))
    return found + [FoundImage(p, table) for p in images if p not in named]


def _tabled(table: Path, reading: Reading) -> Iterator[tuple[str, str, Callable[[], MarkedImage]]]:
    """Name, split and reader of each image in one file.

    A bad number of crowdkit's own tables is refused when its image is read.
    """
    format = reading.format or recognise(table)
    if format in ("csv", "json"):
        for name, listing in read_table(table, reading.columns).items():
            read = partial(tables.marked, name, listing, table, reading.columns)
            yield name, listing.split or "", read
        return
    for image in read_annotations(table, format=format, point=reading.point, labels=reading.labels):
        yield image.name, image.split, partial(_given, image)


def _given(image: MarkedImage) -> MarkedImage:
    return image


def _in_lists(base: Path, images: list[Path], folder: Path, reading: Reading) -> list[FoundImage]:
    if reading.format is not None and not FORMATS[reading.format].per_image:
        raise DataError(
            f"{folder}: {reading.format} is one file of all images",
            hint="set `annotations` to that file",
        )
    found, used = [], set()
    for image in images:
        beside = with_suffixes(folder / image.relative_to(base), LISTS)
        if len(beside) > 1:
            raise DataError(f"{image}: annotated twice, by {beside[0]} and {beside[1]}")
        used.update(beside)
        found.append(
            FoundImage(image, beside[0], _list_reader(beside[0], image, folder, reading))
            if beside
            else FoundImage(image, folder)
        )
    if not used:
        raise MissingFileError(
            f"{folder}: no annotations, expected {' or '.join(TABLES)}, or a .csv, .txt or .json "
            "file with the name of each image",
            hint="set `annotations` to the file or folder of the points",
        )
    if folder == base:  # other text files may lie beside the photos
        return found
    lists_there = {p for p in folder.rglob("*") if p.suffix in LISTS and p.name != yolo.CLASSES}
    orphans = sorted(lists_there - used)
    images_of = [base / p.relative_to(folder).with_suffix(".jpg") for p in orphans]
    return found + [
        FoundImage(image, truth, _list_reader(truth, image, folder, reading))
        for image, truth in zip(images_of, orphans, strict=True)
    ]


def _list_reader(
    file: Path, image: Path, folder: Path, reading: Reading
) -> Callable[[], MarkedImage]:
    if file.suffix == ".json":
        return partial(labelme.read_one, file, reading.point, folder=folder)
    return partial(_read_list, file, image, folder, reading)


def _read_list(file: Path, image: Path, folder: Path, reading: Reading) -> MarkedImage:
    if reading.format == "yolo" or (reading.format is None and yolo.fits(file)):
        return yolo.read_one(file, image, reading.point, folder=folder)
    return lists.read_one(file, folder=folder, columns=reading.columns)
