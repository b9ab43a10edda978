"""The people marked in one image: what every annotation file and data set is read into."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from operator import itemgetter
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size, Split

BoxPoint = Literal["centre", "top"]
"""Which point of a box is the head: its centre (boxes of heads), or the middle of its upper edge
(boxes of whole people)."""

SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}
"""How folders and columns may call a split."""

_SAME = 1e-6


class Box(NamedTuple):
    """Corners in pixels, corner convention."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, corners: Iterable[tuple[float, float]]) -> "Box":
        """The smallest box round at least one point.

        Raises:
            DataError: A side, the centre, the width or the height is not finite.

        Example:
            >>> Box.around([(4.0, 1.0), (2.0, 3.0)])
            Box(left=2.0, top=1.0, right=4.0, bottom=3.0)
        """
        xs, ys = zip(*corners, strict=True)
        box = cls(min(xs), min(ys), max(xs), max(ys))
        if not all(map(isfinite, (*box, *box.centre, box.width, box.height))):
            raise DataError(f"box {tuple(box)}, expected finite numbers")
        return box

    @classmethod
    def centred(cls, x: float, y: float, width: float, height: float) -> "Box":
        """The box of a size with a point in its middle.

        Example:
            >>> Box.centred(4.0, 2.0, width=2.0, height=3.0)
            Box(left=3.0, top=0.5, right=5.0, bottom=3.5)
        """
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def moved(self, pixels: float) -> "Box":
        """The box moved to the right and down."""
        return Box(*(side + pixels for side in self))

    @property
    def width(self) -> float:
        """Pixels, not negative."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels, not negative."""
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


class Mark(NamedTuple):
    """One marked person.

    Attributes:
        x: Pixels from the left edge.
        y: Pixels from the top edge.
        label: What the tool calls it; empty where it says nothing.
        score: Confidence of a found point; None for one set by hand.
        box: The box round the head or the person, where there is one.
    """

    x: float
    y: float
    label: str = ""
    score: float | None = None
    box: Box | None = None

    @classmethod
    def of_box(
        cls, box: Box, point: BoxPoint, *, label: str = "", score: float | None = None
    ) -> "Mark":
        """The mark that a box stands for; a box without area is just a point."""
        x, y = box.centre
        if point == "top":
            y = box.top
        return cls(x, y, label, score, box if box.width > 0 and box.height > 0 else None)

    def moved(self, pixels: float) -> "Mark":
        """The mark, with its box, moved to the right and down."""
        box = None if self.box is None else self.box.moved(pixels)
        return self._replace(x=self.x + pixels, y=self.y + pixels, box=box)

    @property
    def centred_box(self) -> Box | None:
        """The box, if its centre is the point: a format of boxes can then write it for both."""
        if self.box is None:
            return None
        x, y = self.box.centre
        return self.box if abs(x - self.x) <= _SAME and abs(y - self.y) <= _SAME else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedImage:
    """The marked people of one image, in the pixels of its file, corner convention.

    Attributes:
        name: As the annotations name it, with ``/``.
        marks: The marked people, in the annotations' order; may be empty.
        size: (H, W) of the image in pixels, where the annotations state it.
        split: The split the annotations name, or empty.
        file: The image itself, where it was looked up.
        left_out: What the annotations say beyond this, by kind, and how often.
    """

    name: str
    marks: tuple[Mark, ...]
    size: Size | None = None
    split: str = ""
    file: Path | None = None
    left_out: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of_points(cls, name: str, points: NDArray[np.float64]) -> "MarkedImage":
        """The image of which nothing but (N, 2) points is known.

        Example:
            >>> MarkedImage.of_points("a.jpg", np.array([[2.5, 1.0]])).marks[0].x
            2.5
        """
        return cls(name=name, marks=tuple(map(Mark, *points.T.tolist())))

    @property
    def points(self) -> NDArray[np.float64]:
        """(N, 2) positions of the marks."""
        columns = [np.fromiter(map(itemgetter(axis), self.marks), np.float64) for axis in (0, 1)]
        return np.stack(columns, axis=1)

    @property
    def box_sides(self) -> NDArray[np.float64] | None:
        """(N, 2) width and height of the boxes; None unless every mark, and at least one, has one.

        Example:
            >>> box = Box(1.0, 1.0, 4.0, 3.0)
            >>> MarkedImage(name="a.jpg", marks=(Mark(2.5, 2.0, box=box),)).box_sides.tolist()
            [[3.0, 2.0]]
        """
        boxes = [mark.box for mark in self.marks if mark.box is not None]
        if not boxes or len(boxes) < len(self.marks):
            return None
        return np.array([(box.width, box.height) for box in boxes], dtype=np.float64)
