"""YOLO: a text file of boxes for each image, ``class cx cy w h`` on each line.

The centre and the sides are shares of the image's width and height, so the images are needed:
beside the labels, or in a folder ``images`` where the labels are in ``labels``. A sixth number is
the confidence of a found box. ``classes.txt``, in the folder or above it, names the classes.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from crowdkit_core.data.annotations.marks import Box, BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.records import Record
from crowdkit_core.data.images import IMAGE_SUFFIXES, image_size
from crowdkit_core.data.points_files import is_number, read_rows, read_text
from crowdkit_core.data.problems import MissingFileError
from crowdkit_core.data.splits import natural_key
from crowdkit_core.errors import DataError

CLASSES = "classes.txt"
_SHARES = ("cx", "cy", "w", "h")


def read(path: Path, point: BoxPoint) -> list[MarkedImage]:
    """All label files of a folder and its subfolders, or one file.

    Raises:
        DataError: There is none, one is something else, or its image is missing.
    """
    files, folder = (label_files(path), path) if path.is_dir() else ([path], path.parent)
    if not files:
        raise DataError(f"{path}: no .txt files")
    images = {place: _images_of(place) for place in {file.parent for file in files}}
    return [read_one(file, images[file.parent](file), point, folder=folder) for file in files]


def read_one(path: Path, image: Path, point: BoxPoint, *, folder: Path) -> MarkedImage:
    """The labels of one image, named by its own or else its labels' place below ``folder``.

    Raises:
        DataError: The file is something else, or the image cannot be read.
    """
    size = height, width = image_size(image)
    classes = _classes(path)
    marks = []
    for place, row in read_rows(path):
        if not row:
            continue
        record = _record(path, place, row)
        cx, cy, wide, high = (_share(record, name) for name in _SHARES)
        box = Box.centred(cx * width, cy * height, wide * width, high * height)
        score = record.number("confidence") if "confidence" in record.values else None
        label = _label(record, classes)
        marks.append(Mark.of_box(box, point, label=label, score=score))
    named = image if image.is_relative_to(folder) else path.with_name(image.name)
    name = named.relative_to(folder).as_posix()
    return MarkedImage(name=name, marks=tuple(marks), size=size, file=image)


def label_files(folder: Path) -> list[Path]:
    """The text files below a folder, in natural order, without the names of classes."""
    found = (file for file in folder.rglob("*.txt") if file.name != CLASSES)
    return sorted(found, key=lambda file: natural_key(file.as_posix()))


def fits(path: Path) -> bool:
    """Whether all lines of a file, and at least one, begin with a class and a box in shares."""
    rows = [row for _, row in read_rows(path) if row]
    return bool(rows) and all(map(_fits, rows))


def _fits(row: Sequence[str]) -> bool:
    kind, *numbers = row
    return (
        len(numbers) >= len(_SHARES)
        and kind.isdecimal()
        and all(map(is_number, numbers))
        and all(0 <= float(number) <= 1 for number in numbers[: len(_SHARES)])
    )


def _record(path: Path, place: str, row: Sequence[str]) -> Record:
    names = ("class", *_SHARES, "confidence")
    if len(row) > len(names):
        raise DataError(
            f"{path}: {place}: {len(row)} numbers, an outline, a turned box or keypoints; expected "
            "class cx cy w h"
        )
    if len(row) < 1 + len(_SHARES):
        raise DataError(f"{path}: {place}: {' '.join(row)!r}, expected class cx cy w h")
    return Record(path, place, dict(zip(names, row, strict=False)))


def _share(record: Record, name: str) -> float:
    share = record.number(name)
    if not 0 <= share <= 1:
        raise record.error(f"{name} is {share}, expected a share of the image from 0 to 1")
    return share


def _label(record: Record, classes: Sequence[str]) -> str:
    """The name of a class, or its number where the classes have no names."""
    number = record.text("class")
    if not number.isdecimal():
        raise record.error(f"class is {number!r}, expected a whole number")
    if not classes:
        return number
    if int(number) >= len(classes):
        raise record.error(f"class {number}, {CLASSES} names {len(classes)}")
    return classes[int(number)]


def _classes(path: Path) -> list[str]:
    for folder in (path.parent, path.parent.parent):
        if (folder / CLASSES).is_file():
            names = read_text(folder / CLASSES).splitlines()
            return [name.strip() for name in names if name.strip()]
    return []


def _images_of(folder: Path) -> Callable[[Path], Path]:
    """The image of each label file of a folder: beside it, or in ``images`` for ``labels``."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for place in {folder, _parallel(folder)}:
        for file in place.glob("*"):
            if file.suffix.lower() in IMAGE_SUFFIXES:
                found[file.stem].append(file)

    def image_of(labels: Path) -> Path:
        images = found.get(labels.stem, [])
        if len(images) > 1:
            raise DataError(f"{labels}: labels of {images[0]} or of {images[1]}")
        if not images:
            raise MissingFileError(
                f"{labels}: its image is not there, and YOLO's boxes are shares of its size",
                hint="put the images beside the labels, or into `images` beside `labels`",
            )
        return images[0]

    return image_of


def _parallel(folder: Path) -> Path:
    """``set/images/night`` of ``set/labels/night``; a folder that is not below any is its own."""
    parts = list(folder.absolute().parts)
    if "labels" not in parts:
        return folder
    parts[len(parts) - 1 - parts[::-1].index("labels")] = "images"
    return Path(*parts)
