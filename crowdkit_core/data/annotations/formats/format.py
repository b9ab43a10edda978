"""Describe an annotation format: how it is recognised, read and written, and what it carries."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from crowdkit_core.data.annotations.marks import BoxPoint, MarkedImage
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import UsageError

Fact = Literal["labels", "scores", "boxes", "image sizes", "splits"]
"""What may be known beyond the points. ``boxes`` whose centre is not the point need more than a
format of shapes can say; `Format.carries_any_box` tells which can."""

Planes = Literal["one", "all"]
"""Whether the points of an image have to lie on one plane of a stack (z or time), or those of all
its planes are taken together, as of a projection."""

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
        pixel_size: Side of a pixel in the unit of the positions, such as µm; None where they are
            pixels or the file says so.
        planes: Which points of a stack are points of its image.

    Raises:
        UsageError: ``pixel_size`` is no positive number.
    """

    folder: Path
    image: Path | None = None
    point: BoxPoint = "centre"
    columns: Columns = field(default_factory=Columns)
    pixel_size: float | None = None
    planes: Planes = "one"

    def __post_init__(self) -> None:
        size = self.pixel_size
        if size is not None and not (isfinite(size) and size > 0):
            raise UsageError(f"pixel size {size}, expected the length of a pixel's side")


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
        named: How such a file may be called after its image's name without ending, beside that
            name itself; the first is written.
        by_suffix: A file with its suffix is written in this format unless another is named.
        key: By what it tells images apart, from their name.
        carries: What it keeps beyond the points.
        carries_any_box: It keeps the point and the box of a mark apart.
        has_columns: `Reading.columns` says what its columns are called.
        has_units: Its positions may be lengths, of which `Reading.pixel_size` makes pixels.
        needs_sizes: An image with marks cannot be written without its size.
        precision: Greatest error of a written coordinate in pixels; from 0.5 on whole numbers are
            written.
        whole_at: Where in its pixel a point is that is a whole number.
        example: A small file of it; empty where it is no text or examples are everywhere.
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
    named: tuple[str, ...] = ("{}",)
    by_suffix: bool = False
    key: Callable[[str], str] = str
    carries: frozenset[Fact] = frozenset()
    carries_any_box: bool = False
    has_columns: bool = False
    has_units: bool = False
    needs_sizes: bool = False
    precision: float = 1e-6
    whole_at: float = 0.0
    example: str = ""

    @property
    def suffix(self) -> str:
        """The suffix of written files."""
        return self.suffixes[0]

    def file_of(self, image: str) -> str:
        """The path of the file of an image, of a format with one for each."""
        key = PurePosixPath(self.key(image))
        return str(key.with_name(f"{self.named[0].format(key.name)}{self.suffix}"))
