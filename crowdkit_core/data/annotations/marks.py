"""What every annotation format is read into and written from."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Literal, NamedTuple

from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size

BoxPoint = Literal["centre", "top"]
"""Which point of a box is the head: its centre (boxes of heads), or the middle of its upper edge
(boxes of whole people)."""

_SAME = 1e-6


class Box(NamedTuple):
    """Corners in pixels, corner convention."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, corners: Iterable[tuple[float, float]]) -> "Box":
        """The least box that holds all of at least one point.

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


@dataclass(frozen=True, slots=True)
class Mark:
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

    @property
    def centred_box(self) -> Box | None:
        """The box, if its centre is the point: a format of boxes can then write it for both."""
        if self.box is None:
            return None
        x, y = self.box.centre
        return self.box if abs(x - self.x) <= _SAME and abs(y - self.y) <= _SAME else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedImage:
    """What an annotation file says of one image.

    Attributes:
        name: As the file names it, with ``/``.
        marks: The marked people, in the file's order; may be empty.
        size: (H, W) of the image in pixels, where known.
        split: The split the file names, or empty.
        file: The image itself, where it was looked up.
        left_out: What the file says beyond this, by kind, and how often.
    """

    name: str
    marks: tuple[Mark, ...]
    size: Size | None = None
    split: str = ""
    file: Path | None = None
    left_out: Counter[str] = field(default_factory=Counter)
