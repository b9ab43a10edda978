"""What all data sets of image files share: sizes, framed points, caching."""

import copy
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.annotations import MarkedImage
from crowdkit_core.data.annotations.sizes import by, require_stated_size
from crowdkit_core.data.datasets.framing import frame_points
from crowdkit_core.data.files import image_size, natural_key, read_image, require_folder
from crowdkit_core.data.files.stacks import ALL_FRAMES, Selection, decided_range, parse_projection
from crowdkit_core.data.transforms import Resizing, resize_annotation, resize_image
from crowdkit_core.errors import DataError, SizeMismatchError
from crowdkit_core.interfaces import (
    Annotation,
    Dataset,
    Lengths,
    Points,
    Sample,
    Size,
    Split,
    ValueRange,
)

RangeChoice = tuple[float, float] | Literal["percentile"]
"""Values of files of more than 8 bits that become black and white, or that images decide them."""


@dataclass(frozen=True, slots=True, order=False)
class Entry:
    """One image and where its points are.

    Attributes:
        name: The image's path below the dataset's root, with ``/``.
        image: The image file.
        truth: The file of its points; named in errors.
        group: What the image's `Annotation` says.
        overhang: Pixels a point may lie outside the frame; None for `overhang_allowed`.
    """

    name: str
    image: Path
    truth: Path
    group: str = ""
    overhang: float | None = None

    def __str__(self) -> str:
        return self.name


class ImageFiles(Dataset):
    """Images on disk. A subclass lists the entries and says who is marked in one of them.

    A file that is missing or damaged is refused when its image is asked for, not when the dataset
    is made, so that a check can go on and list all of them.

    Args:
        entries: The images of the split.
        split: Which split they are.
        resizing: In which size images are given; None for the file's.
        boxes_are_heads: Width and height of the marks' boxes are the ``lengths`` ``head_width``
            and ``head_height`` of images in which every mark has one.
        selection: What is taken from files that hold many images.
        value_range: What becomes black and white in files of more than 8 bits; where percentiles
            decide, they do once, over the files of ``deciding``.
        deciding: The training images, whatever the split; None for those of the split.

    Raises:
        UsageError: The range has no lower and higher bound.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        split: Split,
        resizing: Resizing | None = None,
        *,
        boxes_are_heads: bool = True,
        selection: Selection = ALL_FRAMES,
        value_range: RangeChoice = "percentile",
        deciding: Sequence[Entry] | None = None,
    ) -> None:
        self.split = split
        self.entries = tuple(entries)
        self._resizing = resizing or Resizing()
        self._boxes_are_heads = boxes_are_heads
        self._annotations: dict[int, Annotation] = {}
        self._selection = selection
        self._deciding = tuple(deciding or self.entries)
        self._decided = value_range != "percentile"
        self._value_range = ValueRange(*value_range) if value_range != "percentile" else None

    @abstractmethod
    def _read(self, entry: Entry) -> MarkedImage:
        """The marks of an image, in its file's pixels, corner convention.

        Where it states the image's size, another size of the image file is an error.
        """

    def _region(self, entry: Entry, size: Size) -> Tensor | None:  # noqa: ARG002  # for overriding
        """(H, W) bool, True where people count; None for the whole image."""
        return None

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def value_range(self) -> ValueRange | None:
        """The range asked for, or that of the training images, found when it is first needed."""
        if not self._decided:
            decided = decided_range([each.image for each in self._deciding], self._selection)
            self._value_range = None if decided is None else decided.values
            self._decided = True
        return self._value_range

    def with_value_range(self, value_range: ValueRange) -> Self:
        """The same images shown by another range."""
        other = copy.copy(self)
        other._value_range, other._decided = value_range, True
        return other

    def given_size(self, size: Size) -> Size:
        """(H, W) in which an image file of this (H, W) is given."""
        return self._resizing(size)

    def annotation(self, index: int) -> Annotation:
        """Points, size and region of image ``index``; only the region is read again each time."""
        entry = self.entries[index]
        if index not in self._annotations:
            self._annotations[index] = self._read_annotation(entry)
        annotation = self._annotations[index]
        annotation = replace(annotation, roi=self._region(entry, annotation.size))
        return resize_annotation(annotation, self._resizing(annotation.size))

    def marked(self, index: int) -> MarkedImage:
        """The marks of image ``index`` in its file's pixels, with labels, scores and boxes.

        Marks outside the frame are moved onto its border. What an `Annotation` holds beyond marks
        is counted as left out.

        Raises:
            DataError: As `annotation`.
        """
        entry = self.entries[index]
        size = self._file_size(entry)
        marked, moved = self._framed(entry, size)
        beyond = {
            "regions of interest": int(self._region(entry, size) is not None),
            "groups": int(entry.group != ""),
            "places of points outside the image": moved,
        }
        return replace(marked, file=entry.image, left_out=marked.left_out + Counter(beyond))

    def __getitem__(self, index: int) -> Sample:
        annotation = self.annotation(index)
        image = read_image(
            self.entries[index].image, selection=self._selection, value_range=self.value_range
        )
        height, width = image.shape[-2:]
        return Sample(
            name=annotation.name,
            image=resize_image(image, self._resizing((height, width))),
            points=Points(annotation.points, canvas_size=annotation.size),
            roi=annotation.roi,
            lengths=annotation.lengths,
            group=annotation.group,
        )

    def _framed(self, entry: Entry, size: Size) -> tuple[MarkedImage, int]:
        """The marks inside the frame of the image, and how many were moved."""
        marked = self._read(entry)
        source = f"{entry.truth} ({entry.name})"
        require_stated_size(marked, size, source)
        points, moved = frame_points(marked.points, size, source=source, overhang=entry.overhang)
        marks = marked.marks
        if moved:
            people = zip(marks, points.tolist(), strict=True)
            marks = tuple(mark._replace(x=x, y=y) for mark, (x, y) in people)
        return replace(marked, name=entry.name, marks=marks, size=size), moved

    def _file_size(self, entry: Entry) -> Size:
        return image_size(entry.image, selection=self._selection)

    def _read_annotation(self, entry: Entry) -> Annotation:
        size = self._file_size(entry)
        marked, moved = self._framed(entry, size)
        return Annotation(
            name=entry.name,
            size=size,
            points=_float32(marked.points),
            lengths=_head_sizes(marked) if self._boxes_are_heads else {},
            clipped=moved,
            group=entry.group,
        )


def one_of_many(channel: int | str | None, project: str | None) -> Selection:
    """What a data set takes from files of many images.

    Raises:
        UsageError: There is no such projection.
    """
    return Selection(
        channel=channel, projection=None if project is None else parse_projection(project)
    )


def pair_files(
    root: Path, images: Mapping[str, Path], truths: Mapping[str, Path], *, image: str, truth: str
) -> list[Entry]:
    """An entry for each image and each annotation, in natural order, also where one is missing.

    Args:
        root: The dataset's folder.
        images: Image files by what they share with their annotation, their stem mostly.
        truths: Annotation files likewise.
        image: Where a missing image is expected: a path below ``root``, ``{}`` for the stem.
        truth: Where a missing annotation is expected.
    """
    entries = []
    for stem in sorted(images.keys() | truths.keys(), key=natural_key):
        file = images.get(stem, root / image.format(stem))
        name = file.relative_to(root).as_posix()
        entries.append(Entry(name, file, truths.get(stem, root / truth.format(stem))))
    return entries


def dataset_folder(root: str | Path, names: Sequence[str], marks: Sequence[str]) -> Path:
    """``root``, or the first of the folders ``names`` in it, that holds any of ``marks``.

    Raises:
        DataError: There is none; names what was expected.
    """
    above = require_folder(root)
    for folder in (above, *(above / name for name in names)):
        if any((folder / mark).exists() for mark in marks):
            return folder
    raise DataError(
        f"{above}: expected {' or '.join(marks)} in it",
        hint="set `root` to the downloaded folder",
    )


def require_size(roi: Tensor, size: Size, source: Path, entry: Entry) -> Tensor:
    """The region, if it is as large as its image.

    Raises:
        SizeMismatchError: It is not; names its file and the image.
    """
    if tuple(roi.shape) != size:
        raise SizeMismatchError(
            f"{source}: the mask is {roi.shape[1]} x {roi.shape[0]} pixels, "
            f"its image {entry.name} {by(size)}"
        )
    return roi


def _head_sizes(marked: MarkedImage) -> Lengths:
    sides = marked.box_sides
    if sides is None:
        return {}
    width, height = _float32(sides).unbind(1)
    return {"head_width": width, "head_height": height}


def _float32(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
