"""Read annotation files of any format."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from crowdkit_core.data.annotations.folders import FoundImage, find_annotated
from crowdkit_core.data.annotations.formats import (
    FORMATS,
    Columns,
    Format,
    FormatName,
    Listed,
    Planes,
    Reading,
)
from crowdkit_core.data.annotations.marks import BoxPoint, MarkedImage
from crowdkit_core.data.annotations.opening import read_as, require_options
from crowdkit_core.data.annotations.recognition import (
    annotation_files,
    format_at,
    format_of_one_image,
)
from crowdkit_core.data.annotations.sizes import require_stated_size
from crowdkit_core.data.files import TextFile, image_size, images_below, natural_key
from crowdkit_core.errors import DataError


def read_annotations(
    path: str | Path,
    *,
    format: FormatName | None = None,
    point: BoxPoint = "centre",
    labels: Collection[str] = (),
    columns: Columns | None = None,
    pixel_size: float | None = None,
    planes: Planes = "one",
) -> list[MarkedImage]:
    """What an annotation file, or a folder of one per image, says of each image.

    In a folder of images the annotations are found as the data set `folder` finds them; images
    that nothing is said of are left out.

    Args:
        path: The file or folder.
        format: Its format; recognised by its content when None.
        point: Which point of a box is the head, where only the box is marked.
        labels: Only marks with one of these; all when empty.
        columns: What the columns of a ``csv`` or the keys of a ``json`` are called.
        pixel_size: Side of a pixel in the unit of the positions, such as µm, where those are no
            pixels; 1 says that they are.
        planes: Whether points on several planes of a stack (z or time) are refused, or those of
            ``all`` are the image's, as of a projection.

    Raises:
        UsageError: ``columns`` for a format without any, or ``pixel_size`` for one in pixels.
        DataError: The file is missing, unsafe or malformed; names it and the record. Or a label
            of ``labels`` is nowhere in it.
    """
    read = read_recognised(
        path,
        format=format,
        point=point,
        labels=labels,
        columns=columns,
        pixel_size=pixel_size,
        planes=planes,
    )
    return list(read.images)


class Recognised(NamedTuple):
    """What annotations say.

    Attributes:
        format: Theirs.
        images: What is said of each image.
        unsaid: Names of the images that nothing is said of.
    """

    format: FormatName
    images: Sequence[MarkedImage]
    unsaid: Sequence[str]


def read_recognised(
    path: str | Path,
    *,
    format: FormatName | None = None,
    point: BoxPoint = "centre",
    labels: Collection[str] = (),
    columns: Columns | None = None,
    pixel_size: float | None = None,
    planes: Planes = "one",
) -> Recognised:
    """The format of annotations and what they say; arguments and errors: `read_annotations`."""
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: no such annotation file or folder")
    reading = Reading(
        folder=path if path.is_dir() else path.parent,
        point=point,
        columns=columns or Columns(),
        pixel_size=pixel_size,
        planes=planes,
    )
    name, found = _list(path, format, reading)
    images = [each.read() for each in found if each.read is not None]
    twice = [image for image, times in Counter(each.name for each in images).items() if times > 1]
    if twice:
        raise DataError(f"{path}: image {twice[0]!r} occurs twice")
    unsaid = [each.name for each in found if each.read is None]
    return Recognised(name, only_labels(images, labels, path) if labels else images, unsaid)


def recognise(path: Path) -> FormatName:
    """The format of a file, or of what annotates the images of a folder.

    Raises:
        DataError: There is nothing, or nothing that is known.
    """
    if path.is_dir() and images_below(path):
        return _of_images(path, None, Reading(folder=path))[0]
    return format_at(path)


def only_labels(
    images: Iterable[MarkedImage], labels: Collection[str], source: Path
) -> list[MarkedImage]:
    """The same images with the marks of some labels alone.

    Raises:
        DataError: No mark has one of the labels.
    """
    images = list(images)
    known = {mark.label for image in images for mark in image.marks}
    missing = sorted(set(labels) - known)
    if missing:
        raise DataError(
            f"{source}: nothing is labelled {missing[0]!r}",
            hint=f"labels in it: {', '.join(sorted(known - {''})) or 'none'}",
        )
    return [with_labels(image, labels) for image in images]


def with_labels(image: MarkedImage, labels: Collection[str]) -> MarkedImage:
    """The image with the marks of some labels alone; the others are counted as left out."""
    kept = tuple(mark for mark in image.marks if mark.label in labels)
    dropped = len(image.marks) - len(kept)
    left_out = image.left_out + Counter({"points of other labels": dropped})
    return replace(image, marks=kept, left_out=left_out)


def _list(
    path: Path, format: FormatName | None, reading: Reading
) -> tuple[FormatName, list[Listed]]:
    if path.is_dir() and images_below(path):
        return _of_images(path, format, reading)
    name = format or format_at(path)
    require_options(path, name, reading)
    files = _files_of(path, FORMATS[name]) if path.is_dir() else [TextFile(path)]
    return name, [image for each in files for image in read_as(name, each, reading)]


def _of_images(
    folder: Path, format: FormatName | None, reading: Reading
) -> tuple[FormatName, list[Listed]]:
    """What is said of images, found as the data set ``folder`` finds it."""
    found = find_annotated(folder, format=format, reading=reading)
    name = format or _format_of(found)
    require_options(folder, name, reading)
    images = [_listed(each, each.image.relative_to(folder).as_posix()) for each in found]
    return name, sorted(images, key=lambda image: natural_key(image.name))


def _listed(found: FoundImage, name: str) -> Listed:
    read = found.read
    return Listed(name, found.split, read and partial(_with_file, read, name, found))


def _format_of(found: Sequence[FoundImage]) -> FormatName:
    """That of the table, or of the first list that says anything."""
    of_tables = [each.format for each in found if each.format is not None]
    if of_tables:
        return of_tables[0]
    lists = (TextFile(each.truth) for each in found if each.read and each.truth.stat().st_size > 0)
    return next(map(format_of_one_image, lists), "txt")


def _with_file(read: Callable[[], MarkedImage], name: str, found: FoundImage) -> MarkedImage:
    marked = read()
    if not found.image.is_file():
        return marked
    size = image_size(found.image)
    require_stated_size(marked, size, f"{found.truth} ({name})")
    return replace(marked, name=name, file=found.image, size=size)


def _files_of(folder: Path, format: Format) -> list[TextFile]:
    paths = annotation_files(folder, format)
    if not paths and not format.per_image:
        raise DataError(f"{folder}: a folder, expected the {format.suffix} file of all images")
    if not paths:
        raise DataError(f"{folder}: no {format.suffix} files")
    return [TextFile(path) for path in paths]
