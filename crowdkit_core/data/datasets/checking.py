"""Check a whole data set and report all that is wrong with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from crowdkit_core.data.datasets.folder import Folder
from crowdkit_core.data.files import require_folder
from crowdkit_core.errors import DataError, MissingFileError, OutsideError, SizeMismatchError
from crowdkit_core.interfaces import Annotation, Dataset

FindingKind = Literal[
    "unreadable",
    "missing",
    "size-mismatch",
    "outside",
    "swapped",
    "clipped",
    "duplicates",
    "corner",
    "zero-people",
]
"""``clipped``, ``duplicates``, ``corner`` and ``zero-people`` are used as they are; the others are
errors."""

_NOTES: frozenset[FindingKind] = frozenset({"clipped", "duplicates", "corner", "zero-people"})
_LEAST_IMAGES = 3
_LEAST_POINTS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem or remark about an image.

    Attributes:
        kind: What.
        name: The image, or empty for the whole data set.
        message: One line with the file and the cause.
        points: How many points it concerns; 0 where it concerns the file.
    """

    kind: FindingKind
    name: str
    message: str
    points: int = 0

    @property
    def is_error(self) -> bool:
        """Whether training would refuse the image or learn something wrong from it."""
        return self.kind not in _NOTES


@dataclass(frozen=True, slots=True)
class DataCheck:
    """Result of a check.

    Attributes:
        images: Number of images looked at.
        people: Number of points in those that could be read.
        least: Fewest people in an image; None without a readable one.
        most: Most people in an image; None without a readable one.
        findings: In the order of the images.
    """

    images: int
    people: int
    least: int | None
    most: int | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """No finding is an error."""
        return not any(finding.is_error for finding in self.findings)


def check(
    dataset: Dataset | str | Path,
    *,
    annotations: Path | None = None,
    pixels: bool = True,
    options: Mapping[str, Any] | None = None,
) -> DataCheck:
    """Check every image and its points and report all findings.

    Args:
        dataset: A dataset, with split ``all`` for everything it has; or a folder, read as
            `Folder` does.
        annotations: The points of a folder, as of `Folder`.
        pixels: Also decode every image, which finds those cut short.
        options: Further ones of `Folder`, for a folder.
    """
    if not isinstance(dataset, Dataset):
        root = require_folder(dataset)
        try:
            of_folder = {"annotations": annotations, "validation_every": 0, **(options or {})}
            dataset = Folder(root=root, split="all", **of_folder)
        except DataError as error:
            return DataCheck(0, 0, None, None, (_finding_of(error, ""),))
    findings: list[Finding] = []
    readable: list[Annotation] = []
    for index in range(len(dataset)):
        annotation = _try_annotation(dataset, index, findings)
        if annotation is not None:
            readable.append(annotation)
            findings.extend(_look_at(annotation))
            if pixels:
                findings.extend(_decode(dataset, index, annotation.name))
    if _all_fit_swapped(readable):
        message = "x and y seem to be swapped: every point of every image fits the other way round"
        findings.append(Finding("swapped", "", message))
    if _all_in_corner(readable):
        message = (
            "every point of every image lies in its upper left quarter: are they in µm, or in "
            "pixels of a smaller image?"
        )
        findings.append(Finding("corner", "", message))
    counts = [len(annotation.points) for annotation in readable]
    return DataCheck(
        images=len(dataset),
        people=sum(counts),
        least=min(counts, default=None),
        most=max(counts, default=None),
        findings=tuple(findings),
    )


def _try_annotation(dataset: Dataset, index: int, findings: list[Finding]) -> Annotation | None:
    try:
        return dataset.annotation(index)
    except DataError as error:
        entries = getattr(dataset, "entries", None)
        name = entries[index].name if entries is not None else f"image {index}"
        findings.append(_finding_of(error, name))
        return None


def _decode(dataset: Dataset, index: int, name: str) -> Iterator[Finding]:
    try:
        size = dataset[index].size
    except DataError as error:
        yield _finding_of(error, name)
        return
    expected = dataset.annotation(index).size
    if size != expected:
        message = f"{name}: decodes to {size}, its header says {expected}"
        yield Finding("size-mismatch", name, message)


def _look_at(annotation: Annotation) -> Iterator[Finding]:
    name, count = annotation.name, len(annotation.points)
    if count == 0:
        yield Finding("zero-people", name, f"{name}: no people")
        return
    if annotation.clipped:
        outside = f"{annotation.clipped} of {count} points were outside the frame"
        message = f"{name}: {outside}, moved onto its border"
        yield Finding("clipped", name, message, annotation.clipped)
    repeated = count - len(torch.unique(annotation.points, dim=0))
    if repeated:
        message = f"{name}: {repeated} of {count} points repeat another point"
        yield Finding("duplicates", name, message, repeated)


def _finding_of(error: DataError, name: str) -> Finding:
    kind: FindingKind = "unreadable"
    if isinstance(error, MissingFileError):
        kind = "missing"
    elif isinstance(error, SizeMismatchError):
        kind = "size-mismatch"
    elif isinstance(error, OutsideError):
        kind = "swapped" if error.swapped else "outside"
    return Finding(kind, name, f"{error.message}; {error.hint}" if error.hint else error.message)


def _all_in_corner(annotations: list[Annotation]) -> bool:
    """Whether no point of many lies beyond the middle of its image, as lengths in µm would not."""
    inside = [
        (annotation.points * 2 <= annotation.points.new_tensor(annotation.size[::-1])).all(dim=1)
        for annotation in annotations
    ]
    return sum(map(len, inside)) >= _LEAST_POINTS and all(bool(each.all()) for each in inside)


def _all_fit_swapped(annotations: list[Annotation]) -> bool:
    """Whether x and y could be exchanged everywhere, in enough images that are not square.

    Right annotations of a crowd reach beyond the middle square of some image.
    """
    telling = [
        annotation
        for annotation in annotations
        if annotation.size[0] != annotation.size[1] and len(annotation.points) >= _LEAST_POINTS
    ]
    return len(telling) >= _LEAST_IMAGES and all(
        bool((annotation.points <= annotation.points.new_tensor(annotation.size)).all())
        for annotation in telling
    )
