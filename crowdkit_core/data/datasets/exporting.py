"""Write the annotations of a data set in the format of an annotation tool."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from crowdkit_core.data.annotations.conversion import not_carried
from crowdkit_core.data.datasets.base import ImageFiles
from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Annotation, Dataset

_SIDES = ("head_width", "head_height")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Result of an export.

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
    """Write the annotations of data sets, such as the splits of one, to an annotation file.

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
        lost=dict(not_carried(images, written)),
    )


def marked_images(dataset: Dataset) -> Iterator[MarkedImage]:
    """The marks of a data set's images.

    `ImageFiles` know the labels and boxes of their marks. Of any other data set, a mark has a box
    round its point where width and height of heads are among the lengths. What else is known is
    counted as left out.

    Raises:
        DataError: An annotation cannot be read.
        UsageError: An image is given in another size than its file's.
    """
    split = "" if dataset.split == "all" else dataset.split
    for index in range(len(dataset)):
        if isinstance(dataset, ImageFiles):
            marked = _of_file(dataset, index)
        else:
            marked = _of_annotation(dataset.annotation(index))
        yield replace(marked, split=split)


def _of_file(dataset: ImageFiles, index: int) -> MarkedImage:
    marked = dataset.marked(index)
    file = dataset.entries[index].image
    if marked.size is not None and (given := dataset.given_size(marked.size)) != marked.size:
        raise UsageError(
            f"{file}: given as {given[1]} x {given[0]} pixels, but the file has "
            f"{marked.size[1]} x {marked.size[0]}",
            hint="annotations are of files: leave out the option of the data set that resizes",
        )
    root = dataset.origin.options.get("root") if dataset.origin else None
    if root is None or not file.is_relative_to(root):
        return marked
    return replace(marked, name=file.relative_to(root).as_posix())


def _of_annotation(annotation: Annotation) -> MarkedImage:
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
    left_out = {
        **{f"lengths {name}": len(marks) for name in lengths if name not in boxed},
        "regions of interest": int(annotation.roi is not None),
        "groups": int(annotation.group != ""),
        "places of points outside the image": annotation.clipped,
    }
    return MarkedImage(
        name=annotation.name, marks=tuple(marks), size=annotation.size, left_out=Counter(left_out)
    )


def _as_printed(values: Tensor) -> list[Any]:
    """Numbers as their 32 bits print, 12.3 for 12.300000190734863: as they were annotated."""
    return [
        _as_printed(each) if each.ndim else float(str(np.float32(each.item()))) for each in values
    ]
