"""Convert annotations from one format to another, listing what could not be carried."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypedDict

from crowdkit_core.data.annotations.formats import FORMATS, Columns, FormatName, Planes
from crowdkit_core.data.annotations.marks import BoxPoint, MarkedImage
from crowdkit_core.data.annotations.names import ImageNames
from crowdkit_core.data.annotations.reading import Recognised, read_recognised
from crowdkit_core.data.annotations.sizes import require_stated_size
from crowdkit_core.data.annotations.updating import Update, update_annotations
from crowdkit_core.data.annotations.writing import write_annotations
from crowdkit_core.data.files import image_size, images_below, require_folder
from crowdkit_core.errors import DataError, UsageError

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
        update: What a correction changed; None without one.
    """

    source: FormatName
    target: FormatName
    images: int
    points: int
    lost: Mapping[str, int]
    update: Update | None = None


def convert(
    source: str | Path,
    target: str | Path,
    *,
    to: FormatName | None = None,
    format: FormatName | None = None,
    point: BoxPoint = "centre",
    labels: Collection[str] = (),
    images: str | Path | None = None,
    columns: Columns | None = None,
    pixel_size: float | None = None,
    planes: Planes = "one",
    update: str | Path | None = None,
    add: bool = False,
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
        columns: As of `read_annotations`.
        pixel_size: As of `read_annotations`.
        planes: As of `read_annotations`.
        update: Corrected annotations of some images, a file or folder in any format, whose marks
            take the place of all that ``source`` has of these images: `update_annotations`. Names
            of columns and the pixel's size are those of ``source`` alone.
        add: Images of ``update`` that ``source`` does not have are added.
        overwrite: Replace files that are there already.

    Raises:
        DataError: The source cannot be read, an image is not in ``images`` or has another size
            than the source says, or something cannot be written in that format; or as of
            `update_annotations`.
        UsageError: ``target`` does not fit the format, or is there already; or ``add`` without
            ``update``.
    """
    if add and update is None:
        raise UsageError("adding images goes with an update alone")
    folder = None if images is None else Path(images)
    of_both: _OfBoth = {"point": point, "labels": labels, "planes": planes}
    found = read_recognised(
        source, format=format, columns=columns, pixel_size=pixel_size, **of_both
    )
    old = _with_folder(found, folder, source)
    marked, stated = old.images, old.stated_sizes
    changed = None
    if update is not None:
        new = _with_folder(read_recognised(update, **of_both), folder, update)
        marked, changed = update_annotations(marked, new.images, add=add, source=update)
        stated += new.stated_sizes
    written = write_annotations(target, marked, format=to, overwrite=overwrite)
    lost = not_carried(marked, written)
    lost["image sizes"] = min(lost["image sizes"], stated)  # those of --images were no part of it
    lost[UNSAID] = len(old.found.unsaid)
    return Conversion(
        source=old.found.format,
        target=written,
        images=len(marked),
        points=sum(len(image.marks) for image in marked),
        lost=dict(+lost),
        update=changed,
    )


class _OfBoth(TypedDict):
    """Options of reading that hold for a correction too; columns and units are of one file."""

    point: BoxPoint
    labels: Collection[str]
    planes: Planes


class _Source(NamedTuple):
    """What was read, and the same with names and sizes of files."""

    found: Recognised
    images: Sequence[MarkedImage]

    @property
    def stated_sizes(self) -> int:
        return sum(image.size is not None for image in self.found.images)


def _with_folder(found: Recognised, folder: Path | None, place: str | Path) -> _Source:
    if folder is None:
        return _Source(found, found.images)
    return _Source(found, with_files(found.images, folder, place))


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
            not all((place - chosen.whole_at).is_integer() for place in mark[:2]) for mark in marks
        )
    return +sum((image.left_out for image in images), lost)
