"""Convert annotations from one format to another, listing what could not be carried."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crowdkit_core.data.annotations.formats import FORMATS, FormatName
from crowdkit_core.data.annotations.marks import BoxPoint, MarkedImage
from crowdkit_core.data.annotations.names import ImageNames
from crowdkit_core.data.annotations.reading import read_recognised
from crowdkit_core.data.annotations.sizes import require_stated_size
from crowdkit_core.data.annotations.writing import write_annotations
from crowdkit_core.data.files import image_size, images_below, require_folder
from crowdkit_core.errors import DataError

UNSAID = "images of which nothing is said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """Result of a conversion.

    Attributes:
        source: Format read.
        target: Format written.
        images: Number of images.
        points: Number of points, in both.
        lost: What was not carried, by kind, and of how many points or images.
    """

    source: FormatName
    target: FormatName
    images: int
    points: int
    lost: Mapping[str, int]


def convert(
    source: str | Path,
    target: str | Path,
    *,
    to: FormatName | None = None,
    format: FormatName | None = None,
    point: BoxPoint = "centre",
    labels: Collection[str] = (),
    images: str | Path | None = None,
    overwrite: bool = False,
) -> Conversion:
    """Write an annotation file in another format. Every point is carried.

    Args:
        source: A file, a folder of one file per image, or a folder of images with either, read as
            the data set `folder` does.
        target: Likewise.
        to: Format to write; ``csv``, ``json`` and ``cvat`` are also meant by the suffix.
        format: Format to read; recognised by its content when None.
        point: Which point of a box is the head, where only the box is marked.
        labels: Only marks with one of these; all when empty.
        images: Folder of the images, which tells their sizes and full names.
        overwrite: Replace files that are there already.

    Raises:
        DataError: The source cannot be read, an image is not in ``images`` or has another size
            than the source says, or something cannot be written in that format.
        UsageError: ``target`` does not fit the format, or is there already.
    """
    name, read, unsaid = read_recognised(source, format=format, point=point, labels=labels)
    marked = list(read) if images is None else with_files(read, Path(images), source)
    written = write_annotations(target, marked, format=to, overwrite=overwrite)
    return Conversion(
        source=name,
        target=written,
        images=len(marked),
        points=sum(len(image.marks) for image in marked),
        lost=dict(not_carried(read, written) + +Counter({UNSAID: len(unsaid)})),
    )


def with_files(
    images: Sequence[MarkedImage], folder: Path, source: str | Path
) -> list[MarkedImage]:
    """Look up the files of images below a folder, and take names and sizes from them.

    Args:
        images: As annotations name them.
        folder: Of the files.
        source: The annotations, named in errors.

    Raises:
        DataError: One is not there, may be one of several, or is one that was named before.
        SizeMismatchError: One has another size than the annotations say.
    """
    found = {
        file.relative_to(folder).as_posix(): file for file in images_below(require_folder(folder))
    }
    known = ImageNames(found, folder)
    looked_up = []
    named: dict[str, str] = {}
    for image in images:
        matches = known.find(image.name)
        if len(matches) != 1:
            problem = f"may be {matches[0]} or {matches[1]}" if matches else "no such image"
            raise DataError(f"{folder}: {image.name!r}: {problem}")
        (name,) = matches
        if name in named:
            raise DataError(f"{source}: {named[name]!r} and {image.name!r} are the same image")
        named[name] = image.name
        size = image_size(found[name])
        require_stated_size(image, size, f"{source} ({image.name})")
        looked_up.append(replace(image, name=name, file=found[name], size=size))
    return looked_up


def not_carried(images: Sequence[MarkedImage], target: FormatName) -> Counter[str]:
    """Count what a format cannot keep of these images, and what reading them left out."""
    chosen = FORMATS[target]
    marks = [mark for image in images for mark in image.marks]
    present = {
        "labels": sum(mark.label != "" for mark in marks),
        "scores": sum(mark.score is not None for mark in marks),
        "boxes": sum(mark.box is not None for mark in marks),
        "image sizes": sum(image.size is not None for image in images),
        "splits": sum(image.split != "" for image in images),
    }
    lost = Counter({fact: n for fact, n in present.items() if fact not in chosen.carries})
    if "boxes" in chosen.carries and not chosen.carries_any_box:
        lost["boxes"] = sum(mark.box is not None and mark.centred_box is None for mark in marks)
    if chosen.precision >= 0.5:
        lost["fractions of a pixel"] = sum(
            not (mark.x.is_integer() and mark.y.is_integer()) for mark in marks
        )
    return +sum((image.left_out for image in images), lost)
