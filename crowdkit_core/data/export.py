"""The annotations of any data set in the file of any annotation tool."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from crowdkit_core.data.annotations import (
    Box,
    FormatName,
    Mark,
    MarkedImage,
    require_free,
    write_annotations,
)
from crowdkit_core.data.annotations.conversion import losses
from crowdkit_core.data.image_files import ImageFiles
from crowdkit_core.data.images import image_size
from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Annotation, Dataset

_SIDES = ("head_width", "head_height")


@runtime_checkable
class Marked(Protocol):
    """A data set that knows more of its people than points and lengths: labels, boxes in place."""

    def marked(self, index: int) -> MarkedImage:
        """What the annotations say of image ``index``, a mark for each of its points, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What an export did.

    Attributes:
        target: Format written.
        splits: Number of images of each split.
        images: Number of images.
        points: Number of points.
        lost: What was not carried, by kind, and of how many points or images.
    """

    target: FormatName
    splits: Mapping[str, int]
    images: int
    points: int
    lost: Mapping[str, int]


def export(
    datasets: Sequence[Dataset],
    target: str | Path,
    *,
    to: FormatName | None = None,
    overwrite: bool = False,
) -> Export:
    """Write the annotations of data sets, the splits of one say, as an annotation file.

    No image is decoded. Every point is carried; an image is named by its file's path below the
    data set's ``root``.

    Args:
        datasets: Whose images go into one file, each once.
        target: The file, or a folder for a format with a file per image.
        to: Format to write; ``csv``, ``json`` and ``cvat`` are also meant by the suffix.
        overwrite: Replace files that are there already.

    Raises:
        DataError: An annotation cannot be read, or something cannot be written in that format.
        UsageError: ``target`` does not fit the format, or is there already; or a data set resizes
            its images, so that its points are not those of the files.
    """
    if not overwrite:
        require_free(target, to)
    images = [image for dataset in datasets for image in marked_images(dataset)]
    written = write_annotations(target, images, format=to, overwrite=overwrite)
    return Export(
        target=written,
        splits={dataset.split: len(dataset) for dataset in datasets},
        images=len(images),
        points=sum(len(image.marks) for image in images),
        lost=dict(losses(images, written)),
    )


def marked_images(dataset: Dataset) -> Iterator[MarkedImage]:
    """What a data set says of its images, as annotation files say it.

    A data set that is `Marked` gives labels and boxes itself. Of any other, a mark has a box round
    its point where width and height of heads are among the lengths. Whatever else is known is
    counted as left out.

    Raises:
        DataError: An annotation cannot be read.
        UsageError: An image is given in another size than its file's.
    """
    for index in range(len(dataset)):
        annotation = dataset.annotation(index)
        file = dataset.entries[index].image if isinstance(dataset, ImageFiles) else None
        if file is not None:
            _require_original(annotation, file)
        said = dataset.marked(index) if isinstance(dataset, Marked) else _from_lengths(annotation)
        yield replace(
            said,
            name=annotation.name if file is None else _below_root(file, dataset, annotation),
            marks=tuple(_framed(said.marks, annotation)),
            size=annotation.size,
            split="" if dataset.split == "all" else dataset.split,
            file=file,
            left_out=said.left_out + _left_out(annotation),
        )


def _require_original(annotation: Annotation, file: Path) -> None:
    height, width = image_size(file)
    if annotation.size != (height, width):
        given = f"{annotation.size[1]} x {annotation.size[0]}"
        raise UsageError(
            f"{file}: given as {given} pixels, but the file has {width} x {height}",
            hint="annotations are of files: leave out the option of the data set that resizes",
        )


def _below_root(file: Path, dataset: Dataset, annotation: Annotation) -> str:
    root = dataset.origin.options.get("root") if dataset.origin else None
    if root is None or not file.is_relative_to(root):
        return annotation.name
    return file.relative_to(root).as_posix()


def _framed(marks: Sequence[Mark], annotation: Annotation) -> Iterator[Mark]:
    """The marks where the data set has their points: none outside the image."""
    for mark, (x, y) in zip(marks, _as_printed(annotation.points), strict=True):
        yield replace(mark, x=x, y=y)


def _from_lengths(annotation: Annotation) -> MarkedImage:
    """Marks with boxes centred on them, where the lengths say how large."""
    lengths = annotation.lengths
    points = _as_printed(annotation.points)
    boxed = _SIDES if all(name in lengths for name in _SIDES) else ()
    if boxed:
        sides = zip(*(_as_printed(lengths[name]) for name in boxed), strict=True)
        marks = [
            Mark(x, y, box=Box.centred(x, y, width, height))
            for (x, y), (width, height) in zip(points, sides, strict=True)
        ]
    else:
        marks = [Mark(x, y) for x, y in points]
    others = {f"lengths {name}": len(marks) for name in lengths if name not in boxed}
    return MarkedImage(name=annotation.name, marks=tuple(marks), left_out=Counter(others))


def _as_printed(values: Tensor) -> list[Any]:
    """Numbers as their 32 bits print, 12.3 for 12.300000190734863: as they were annotated."""
    return [
        _as_printed(each) if each.ndim else float(str(np.float32(each.item()))) for each in values
    ]


def _left_out(annotation: Annotation) -> Counter[str]:
    return Counter(
        {
            "regions of interest": int(annotation.roi is not None),
            "groups": int(annotation.group != ""),
            "places of points outside the image": annotation.clipped,
        }
    )
