"""Write found points as annotations, which other tools can draw and correct."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crowdkit_core.data.annotations import FormatName, Mark, MarkedImage, write_annotations
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.inference.counted import Counted


def marked_image(counted: Counted) -> MarkedImage:
    """The points of one image with their scores, best first, as an annotation of it.

    Raises:
        IncompatibleError: Nothing found points in it.
    """
    if counted.points is None:
        raise IncompatibleError(
            f"{counted.name or 'image'}: counted without a localizer, so there are no points",
            hint="name one, or count whole images with a counter that finds points by itself",
        )
    file = _file_of(counted)
    people = zip(counted.points.xy.tolist(), counted.points.score.tolist(), strict=True)
    return MarkedImage(
        name=file.as_posix(),
        marks=tuple(Mark(x, y, score=score) for (x, y), score in people),
        size=counted.size,
        file=file,
    )


def _file_of(counted: Counted) -> Path:
    """The image's file; for one image of a file of many, that it would have of its own."""
    file = Path(counted.name)
    if counted.frame is None:
        return file
    return file.with_name(f"{file.stem}-{counted.frame:06d}{file.suffix}")


def write_points(
    path: str | Path,
    images: Sequence[MarkedImage],
    *,
    format: FormatName | None = None,
    overwrite: bool = False,
) -> FormatName:
    """Write found points as an annotation file, which the dataset ``folder`` reads back.

    Images are named by their path below the folder they have in common, which is the ``root``.
    Arguments and errors as of `data.annotations.write_annotations`.
    """
    files = [Path(os.path.abspath(image.file or image.name)) for image in images]
    root = os.path.commonpath([file.parent for file in files]) if files else ""
    named = [
        replace(image, name=file.relative_to(root).as_posix())
        for image, file in zip(images, files, strict=True)
    ]
    return write_annotations(path, named, format=format, overwrite=overwrite)
