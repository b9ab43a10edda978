"""Finding which file holds the points of which image in a user's folder."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crowdkit_core.data.image_files import find_images
from crowdkit_core.data.images import IMAGE_SUFFIXES
from crowdkit_core.data.points_files import Columns, Listing, read_table
from crowdkit_core.data.problems import MissingFileError
from crowdkit_core.data.splits import SPLIT_NAMES
from crowdkit_core.errors import DataError

TABLES = ("annotations.csv", "annotations.json")
LISTS = (".csv", ".txt")


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image and what was found about it.

    Attributes:
        image: The image file; missing if only the annotations speak of it.
        truth: The table, the image's own list, or where neither was found.
        mentioned: Whether ``truth`` says anything of the image.
        listing: Its rows in a table; None if ``truth`` is its own list, not read yet.
    """

    image: Path
    truth: Path
    mentioned: bool
    listing: Listing | None = None


def find_annotated(
    root: Path, annotations: Path | None, columns: Columns, masks: Path | None
) -> list[FoundImage]:
    """Every image below ``root`` and every image its annotations mention.

    Args:
        root: Searched with its subfolders.
        annotations: File or folder below ``root`` (or absolute), or below each split's folder;
            None to look for ``annotations.csv``, ``annotations.json`` and files beside images.
        columns: Names of the tables' columns.
        masks: A folder whose images are no photos.

    Raises:
        DataError: No images, a malformed table, or ``annotations`` is not there.
    """
    parts = [root / name for name in SPLIT_NAMES if (root / name).is_dir()]
    if parts and _points_of(root, annotations) is None:
        return [
            found
            for part in parts
            for found in _find(part, _points_of(part, annotations), annotations, columns, masks)
        ]
    return _find(root, _points_of(root, annotations), annotations, columns, masks)


def with_suffixes(path: Path, suffixes: Iterable[str]) -> list[Path]:
    """The existing files among ``path`` with each suffix put in place of its own."""
    return [file for suffix in suffixes if (file := path.with_suffix(suffix)).is_file()]


def _points_of(folder: Path, annotations: Path | None) -> Path | None:
    names = [annotations] if annotations else TABLES
    return next((folder / name for name in names if (folder / name).exists()), None)


def _find(
    base: Path, points: Path | None, asked: Path | None, columns: Columns, masks: Path | None
) -> list[FoundImage]:
    if asked and points is None:
        raise MissingFileError(f"{base / asked}: no such annotation file or folder")
    images = [p for p in find_images(base) if masks is None or masks not in p.parents]
    if not images:
        raise DataError(f"{base}: no images, expected {' '.join(sorted(IMAGE_SUFFIXES))}")
    if points and points.is_file():
        return _in_table(base, images, points, columns)
    return _in_lists(base, images, points or base)


def _in_table(base: Path, images: list[Path], table: Path, columns: Columns) -> list[FoundImage]:
    aliases = _aliases(base, images)
    named: dict[Path, str] = {}
    found = []
    for name, listing in read_table(table, columns).items():
        matches = aliases.get(name, [base / name])
        if len(matches) > 1:
            raise DataError(f"{table}: {name!r} may be {matches[0]} or {matches[1]}")
        image = matches[0]
        if image in named:
            raise DataError(f"{table}: {named[image]!r} and {name!r} are the same image")
        named[image] = name
        found.append(FoundImage(image, table, mentioned=True, listing=listing))
    return found + [FoundImage(p, table, mentioned=False) for p in images if p not in named]


def _in_lists(base: Path, images: list[Path], folder: Path) -> list[FoundImage]:
    found, used = [], set()
    for image in images:
        lists = with_suffixes(folder / image.relative_to(base), LISTS)
        if len(lists) > 1:
            raise DataError(f"{image}: annotated twice, by {lists[0]} and {lists[1]}")
        used.update(lists)
        truth = lists[0] if lists else folder
        found.append(FoundImage(image, truth, mentioned=bool(lists)))
    if not used:
        raise MissingFileError(
            f"{folder}: no annotations, expected {' or '.join(TABLES)}, or a .csv or .txt file "
            "with the name of each image",
            hint="set `annotations` to the file or folder of the points",
        )
    if folder == base:  # other text files may lie beside the photos
        return found
    orphans = sorted({p for p in folder.rglob("*") if p.suffix in LISTS} - used)
    images_of = [base / p.relative_to(folder).with_suffix(".jpg") for p in orphans]
    return found + [
        FoundImage(image, truth, mentioned=True)
        for image, truth in zip(images_of, orphans, strict=True)
    ]


def _aliases(base: Path, images: list[Path]) -> dict[str, list[Path]]:
    """Images by path below ``base``, and by shorter names no path has; with all they may mean."""
    paths = {image.relative_to(base).as_posix(): [image] for image in images}
    shorter: defaultdict[str, list[Path]] = defaultdict(list)
    for path, [image] in paths.items():
        for alias in {path.removesuffix(image.suffix), image.name, image.stem} - paths.keys():
            shorter[alias].append(image)
    return shorter | paths
