"""YOLO: a text file of boxes for each image, ``class cx cy w h`` on each line.

The centre and the sides are shares of the image's width and height, so the images are needed:
beside the labels, or in a folder ``images`` where the labels are in ``labels``. A sixth number is
the confidence of a found box. ``classes.txt``, ``labels.txt`` or ``obj.names``, in
the folder or above it, names the classes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.marks import Box, Mark, MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import IMAGE_SUFFIXES, TextFile, image_size, is_number, is_visible
from crowdkit_core.errors import DataError, MissingFileError

CLASSES = ("classes.txt", "labels.txt", "obj.names", "_darknet.labels")
"""Files that name the classes, a line for each."""
_SHARES = ("cx", "cy", "w", "h")
_NEARLY = 2
"""Below this, a number beyond 1 is a box that reaches out of the image rather than pixels."""


def fits(file: TextFile) -> bool:
    """Whether most lines begin with a class and a box in shares, so that a bad one is an error.

    A box may reach a little beyond the image for that: reading refuses it.
    """
    return 2 * sum(row_fits(row) for _, row in file.data_rows) > len(file.data_rows)


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each box; the image is named by its own or else its labels' place.

    Raises:
        DataError: The file is something else, or its image is missing or cannot be read.
    """
    image = reading.image or _image_of(file.path)
    size = height, width = image_size(image)
    classes = _classes(file.path)
    marks = []
    for place, row in file.data_rows:
        record = _record(file, place, row)
        cx, cy, wide, high = (_share(record, name) for name in _SHARES)
        box = Box.centred(cx * width, cy * height, wide * width, high * height)
        label, score = _label(record, *classes), _confidence(record)
        marks.append(Mark.of_box(box, reading.point, label=label, score=score))
    folder = reading.folder
    named = image if image.is_relative_to(folder) else file.path.with_name(image.name)
    name = named.relative_to(folder).as_posix()
    return listed([MarkedImage(name=name, marks=tuple(marks), size=size, file=image)])


def row_fits(row: Sequence[str]) -> bool:
    """Whether a line begins with a class and a box that lies in the image or nearly so."""
    kind, *numbers = row
    return (
        len(numbers) >= len(_SHARES)
        and _class(kind) is not None
        and all(map(is_number, numbers))
        and all(-1 < float(number) < _NEARLY for number in numbers[: len(_SHARES)])
    )


def _class(cell: str) -> int | None:
    """The number of a class; some programs write it as 0.0."""
    if not is_number(cell) or not float(cell).is_integer() or float(cell) < 0:
        return None
    return int(float(cell))


def _record(file: TextFile, place: str, row: Sequence[str]) -> Record:
    names = ("class", *_SHARES, "confidence")
    if len(row) > len(names):
        raise DataError(
            f"{file}: {place}: {len(row)} numbers, an outline, a turned box or keypoints; expected "
            "class cx cy w h"
        )
    if len(row) < 1 + len(_SHARES):
        raise DataError(f"{file}: {place}: {' '.join(row)!r}, expected class cx cy w h")
    return Record(file, place, dict(zip(names, row, strict=False)))


def _share(record: Record, name: str) -> float:
    share = record.number(name)
    if not 0 <= share <= 1:
        raise record.error(f"{name} is {share}, expected a share of the image from 0 to 1")
    return share


def _label(record: Record, source: str, classes: Sequence[str]) -> str:
    """The name of a class, or its number where the classes have no names."""
    number = _class(record.text("class"))
    if number is None:
        raise record.error(f"class is {record.text('class')!r}, expected a whole number")
    if not classes:
        return str(number)
    if number >= len(classes):
        raise record.error(f"class {number}, {source} names {len(classes)}")
    return classes[number]


def _confidence(record: Record) -> float | None:
    """Of a found box; a tracker writes the number of the track in its place."""
    if "confidence" not in record.values:
        return None
    score = record.number("confidence")
    if not 0 <= score <= 1:
        raise record.error(f"confidence is {score}, expected 0 to 1; is it a track?")
    return score


def _classes(path: Path) -> tuple[str, Sequence[str]]:
    """The file that names the classes, and their names."""
    for folder in (path.parent, path.parent.parent):
        for name in CLASSES:
            if (folder / name).is_file():
                return name, [line.strip() for line in TextFile(folder / name).lines]
    return "", []


def _image_of(labels: Path) -> Path:
    """The image of a label file: beside it, or in ``images`` for ``labels``."""
    places = dict.fromkeys((labels.parent, _parallel(labels.parent)))
    images = [
        image
        for place in places
        if place.is_dir()
        for image in _images_in(place, place.stat().st_mtime_ns).get(labels.stem, [])
    ]
    if len(images) > 1:
        raise DataError(f"{labels}: labels of {images[0]} or of {images[1]}")
    if not images:
        raise MissingFileError(
            f"{labels}: its image is not there, and YOLO's boxes are shares of its size",
            hint="put the images beside the labels, or into `images` beside `labels`",
        )
    return images[0]


@lru_cache(maxsize=4)
def _images_in(folder: Path, changed: int) -> Mapping[str, Sequence[Path]]:  # noqa: ARG001
    """Images by stem; listed again when the folder's time of change is another."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for file in folder.glob("*"):
        if file.suffix.lower() in IMAGE_SUFFIXES and is_visible(file, folder):
            found[file.stem].append(file)
    return found


def _parallel(folder: Path) -> Path:
    """``set/images/night`` of ``set/labels/night``; a folder that is not below any is its own."""
    parts = list(folder.absolute().parts)
    if "labels" not in parts:
        return folder
    parts[len(parts) - 1 - parts[::-1].index("labels")] = "images"
    return Path(*parts)


FORMAT = Format(
    title="YOLO, a text file of boxes per image",
    origin="In CVAT *Export task dataset*, *Ultralytics YOLO Detection*; in Label Studio *Export*,"
    " *YOLO*; Roboflow and others have one too.",
    suffixes=(".txt",),
    fits=fits,
    read=read,
    write=None,
    per_image=True,
    ignored=frozenset(CLASSES),
    key=without_ending,
    carries=frozenset({"labels", "scores", "boxes"}),
)
