"""What all datasets of image files share: sizes, framed points, caching."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.framing import frame_points
from crowdkit_core.data.images import IMAGE_SUFFIXES, image_size, read_image
from crowdkit_core.data.problems import SizeMismatchError
from crowdkit_core.data.resizing import Resizing
from crowdkit_core.data.splits import natural_key
from crowdkit_core.data.transforms import resize_annotation, resize_image
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Annotation, Dataset, Lengths, Points, Sample, Size, Split


@dataclass(frozen=True, slots=True, order=False)
class Entry:
    """One image and where its points are.

    Attributes:
        name: The image's path below the dataset's root, with ``/``.
        image: The image file.
        truth: The file of its points; named in errors.
        group: What the image's `Annotation` says.
    """

    name: str
    image: Path
    truth: Path
    group: str = ""

    def __str__(self) -> str:
        return self.name


class ImageFiles(Dataset):
    """Images on disk. A subclass lists the entries and reads one entry's points.

    A file that is missing or damaged is refused when its image is asked for, not when the dataset
    is made, so that a check can go on and list all of them.

    Args:
        entries: The images of the split.
        split: Which split they are.
        resizing: In which size images are given; None for the file's.
    """

    def __init__(
        self, entries: Sequence[Entry], split: Split, resizing: Resizing | None = None
    ) -> None:
        self.split = split
        self.entries = tuple(entries)
        self._resizing = resizing or Resizing()
        self._annotations: dict[int, Annotation] = {}

    @abstractmethod
    def _read_points(self, entry: Entry, size: Size) -> NDArray[np.float64]:
        """(N, 2) pixels, corner convention, as annotated."""

    def _read_roi(self, entry: Entry, size: Size) -> Tensor | None:  # noqa: ARG002  # for overriding
        """(H, W) bool, or None for the whole image."""
        return None

    def _read_lengths(self, entry: Entry) -> Lengths:  # noqa: ARG002  # for overriding
        """Named per-point lengths in pixels, in the order of the points."""
        return {}

    def _overhang(self, entry: Entry) -> float | None:  # noqa: ARG002  # for overriding
        """Pixels a point may lie outside the frame; None for the usual."""
        return None

    def __len__(self) -> int:
        return len(self.entries)

    def annotation(self, index: int) -> Annotation:
        """Points, size and region of image ``index``; only the region is read again each time."""
        entry = self.entries[index]
        if index not in self._annotations:
            self._annotations[index] = self._read_annotation(entry)
        annotation = self._annotations[index]
        annotation = replace(annotation, roi=self._read_roi(entry, annotation.size))
        return resize_annotation(annotation, self._resizing(annotation.size))

    def __getitem__(self, index: int) -> Sample:
        annotation = self.annotation(index)
        image = read_image(self.entries[index].image)
        height, width = image.shape[-2:]
        return Sample(
            name=annotation.name,
            image=resize_image(image, self._resizing((height, width))),
            points=Points(annotation.points, canvas_size=annotation.size),
            roi=annotation.roi,
            lengths=annotation.lengths,
            group=annotation.group,
        )

    def _read_annotation(self, entry: Entry) -> Annotation:
        size = image_size(entry.image)
        xy = self._read_points(entry, size)
        points, clipped = frame_points(
            xy, size, source=f"{entry.truth} ({entry.name})", overhang=self._overhang(entry)
        )
        return Annotation(
            name=entry.name,
            size=size,
            points=points,
            lengths=self._read_lengths(entry),
            clipped=clipped,
            group=entry.group,
        )


def require_folder(root: str | Path) -> Path:
    """The folder as a path.

    Raises:
        DataError: There is none.
    """
    folder = Path(root)
    if not folder.is_dir():
        problem = "not a folder" if folder.exists() else "no such folder"
        raise DataError(f"{folder}: {problem}", hint="set `root` to the data's folder")
    return folder


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


def images_by_stem(folder: Path) -> dict[str, Path]:
    """Image files directly in a folder, by their name without its ending."""
    return {
        path.stem: path
        for path in folder.glob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    }


def require_size(roi: Tensor, size: Size, source: Path, entry: Entry) -> Tensor:
    """The region, if it is as large as its image.

    Raises:
        SizeMismatchError: It is not; names its file and the image.
    """
    if tuple(roi.shape) != size:
        raise SizeMismatchError(
            f"{source}: the mask is {roi.shape[1]} x {roi.shape[0]} pixels, "
            f"its image {entry.name} {size[1]} x {size[0]}"
        )
    return roi


def find_images(folder: Path) -> list[Path]:
    """Image files below a folder, in natural order of their paths."""
    found = (p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    visible = (p for p in found if not any(q.startswith(".") for q in p.relative_to(folder).parts))
    return sorted(visible, key=lambda path: natural_key(path.relative_to(folder).as_posix()))
