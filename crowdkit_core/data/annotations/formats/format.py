"""Describe an annotation format: how it is recognised, read and written, and what it carries."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from crowdkit_core.data.annotations.marks import BoxPoint, MarkedImage
from crowdkit_core.data.files import TextFile

Fact = Literal["labels", "scores", "boxes", "image sizes", "splits"]
"""What may be known beyond the points. ``boxes`` whose centre is not the point need more than a
format of shapes can say; `Format.carries_any_box` tells which can."""

DEFAULT_LABEL = "person"
"""Written for marks without a label where a format demands one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the columns of a CSV file, or keys of JSON records.

    Attributes:
        image: File name of the image.
        x: Horizontal position in pixels.
        y: Vertical position in pixels.
        split: ``train``, ``validation`` or ``test``; the column may be absent.
        points: Key of a JSON record's list of [x, y] pairs.
        score: Confidence of a found point; the column may be absent.
    """

    image: str = "image"
    x: str = "x"
    y: str = "y"
    split: str = "split"
    points: str = "points"
    score: str = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How an annotation file is to be read.

    Attributes:
        folder: Of a file per image: the folder below which images are named.
        image: Of a file per image: its image, where that was found already.
        point: Which point of a box is the head, where only the box is marked.
        columns: What the columns of a table are called.
    """

    folder: Path
    image: Path | None = None
    point: BoxPoint = "centre"
    columns: Columns = field(default_factory=Columns)


class Listed(NamedTuple):
    """An image that a file lists; its marks are read, and bad values refused, on demand.

    Attributes:
        name: As of `MarkedImage`.
        split: As of `MarkedImage`.
        read: Gives its marks; None where the file lists the image and does not say who is in it.
    """

    name: str
    split: str
    read: Callable[[], MarkedImage] | None


def listed(images: Iterable[MarkedImage]) -> list[Listed]:
    """Wrap images whose marks have been read already."""
    return [Listed(image.name, image.split, partial(_itself, image)) for image in images]


def _itself(image: MarkedImage) -> MarkedImage:
    return image


def any_content(file: TextFile) -> bool:  # noqa: ARG001  # as `Format.fits`
    """Accept any content, as the last format of a suffix does."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """An annotation format.

    Attributes:
        title: For people.
        origin: How people get such a file, in Markdown.
        suffixes: Of its files, in lower case; the first is written.
        fits: Whether the content of a file with such a suffix is in this format.
        certain: Whether it is certainly in this format, where ``fits`` accepts any content; None
            where ``fits`` is as strict.
        read: The images of a file; errors name the file and the record.
        write: Writes images into one file: all of them, or the only one it is for. None
            where the format is only read.
        per_image: There is a folder with a file for each image.
        ignored: Names of files in such a folder that hold no image's annotations.
        by_suffix: A file with its suffix is written in this format unless another is named.
        key: By what it tells images apart, from their name.
        carries: What it keeps beyond the points.
        carries_any_box: It keeps the point and the box of a mark apart.
        has_columns: `Reading.columns` says what its columns are called.
        needs_sizes: An image with marks cannot be written without its size.
        precision: Greatest error of a written coordinate in pixels.
    """

    title: str
    origin: str
    suffixes: tuple[str, ...]
    fits: Callable[[TextFile], bool]
    read: Callable[[TextFile, Reading], list[Listed]]
    write: Callable[[Path, Sequence[MarkedImage]], None] | None
    certain: Callable[[TextFile], bool] | None = None
    per_image: bool = False
    ignored: frozenset[str] = frozenset()
    by_suffix: bool = False
    key: Callable[[str], str] = str
    carries: frozenset[Fact] = frozenset()
    carries_any_box: bool = False
    has_columns: bool = False
    needs_sizes: bool = False
    precision: float = 1e-6

    @property
    def suffix(self) -> str:
        """The suffix of written files."""
        return self.suffixes[0]
