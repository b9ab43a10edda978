"""The band below a picture: what is counted, what the colours mean, how large things are."""

import math
import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crowdkit_core.interfaces import Size
from crowdkit_core.visual.canvas import DPI, Colormap, bare_axes

WIDEST = 0.62
"""Width of a bold letter in its height, on average."""
SMALL = 0.62
"""Height of the small letters in that of the large ones."""
PALE = "#c9c9d4"


@dataclass(frozen=True, slots=True)
class HeatScale:
    """What the colours of a heat map mean.

    Attributes:
        colormap: Colours from none to most.
        label: What they range over, such as ``0 to 4.2 per 100 x 100 pixels``.
    """

    colormap: Colormap
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """A band as wide as a picture.

    Attributes:
        caption: Printed large, such as ``322 people (90 %: 280 to 371)``.
        width: Of the picture in pixels.
        enlarged: Pixels of the picture for each of the image.
        heat: None for a picture without a heat map.
    """

    caption: str
    width: int
    enlarged: float
    heat: HeatScale | None = None

    @property
    def letters(self) -> float:
        """Height of the large letters, in pixels."""
        return max(0.032 * self.width, 15.0)

    @property
    def lines(self) -> list[str]:
        """The caption in lines that fit."""
        return wrapped(self.caption, self.width, self.letters)

    @property
    def rows(self) -> int:
        """Rows of small print: colours and lengths stand side by side where there is room."""
        return 2 if self.heat is not None and not self._fits_in_one_row() else 1

    @property
    def height(self) -> int:
        """Of the band in pixels."""
        small = 1.75 * SMALL * self.rows
        return round(self.letters * (0.7 + 1.3 * len(self.lines) + small + 0.55))

    def draw(self, figure: Figure) -> None:
        """Draw the band at the bottom of a dark figure of this width."""
        share = self.height / (figure.get_figheight() * DPI)
        axes = bare_axes(figure, (0, 0, 1, share), (self.height, self.width))
        letters, left = self.letters, 0.8 * self.letters
        for number, line in enumerate(self.lines):
            middle = letters * (0.7 + 1.3 * number + 0.5)
            _print(axes, left, middle, line, letters, fontweight="bold", color="white")
        row = letters * (0.7 + 1.3 * len(self.lines) + 0.9 * SMALL)
        if self.heat is not None:
            self._draw_colours(axes, left, row, self.heat)
        last = row + 1.75 * SMALL * letters * (self.rows - 1)
        self._draw_length(axes, left if self.rows == 2 or self.heat is None else None, last)

    def _draw_colours(self, axes: Axes, left: float, middle: float, heat: HeatScale) -> None:
        small = SMALL * self.letters
        end = left + self._bar
        axes.imshow(
            np.linspace(0, 1, 256)[None],
            extent=(left, end, middle + 0.45 * small, middle - 0.45 * small),
            aspect="auto",
            cmap=heat.colormap,
        )
        _print(axes, end + 0.6 * small, middle, heat.label, small)

    def _draw_length(self, axes: Axes, left: float | None, middle: float) -> None:
        """A bar of a round number of image pixels, from ``left`` or up to the right margin."""
        small = SMALL * self.letters
        length, label = self._length
        if left is None:
            left = self.width - 0.8 * self.letters - length - self._label_width(label)
        ends = [left, left + length]
        axes.plot(ends, [middle, middle], color="white", linewidth=0.22 * small * 72 / DPI)
        for end in ends:
            tip = [middle - 0.35 * small, middle + 0.35 * small]
            axes.plot([end, end], tip, color="white", linewidth=0.12 * small * 72 / DPI)
        _print(axes, ends[1] + 0.6 * small, middle, label, small)

    @property
    def _bar(self) -> float:
        return 6 * self.letters

    @property
    def _length(self) -> tuple[float, str]:
        pixels = round_number(self.width / self.enlarged / 6)
        return pixels * self.enlarged, f"{pixels} pixels"

    def _label_width(self, label: str) -> float:
        small = SMALL * self.letters
        return 0.6 * small + 0.95 * WIDEST * small * len(label)

    def _fits_in_one_row(self) -> bool:
        length, label = self._length
        colours = "" if self.heat is None else self.heat.label
        taken = self._bar + self._label_width(colours) + length + self._label_width(label)
        return taken + 3.6 * self.letters <= self.width


def wrapped(caption: str, width: float, letters: float) -> list[str]:
    """A caption in lines that fit into so many pixels, in bold letters of a height in pixels."""
    most = max(int((width - 1.6 * letters) / (WIDEST * letters)), 8)
    parts = [caption] if len(caption) <= most else caption.split(", ")
    parts = [f"{part}," for part in parts[:-1]] + parts[-1:]
    return [line for part in parts for line in textwrap.wrap(part, most) or [""]]


def square_side(size: Size) -> int:
    """Side in pixels of the square in which the heat of an image of this (H, W) is told.

    Example:
        >>> square_side((768, 1024)), square_side((6000, 8000))
        (100, 500)
    """
    return round_number(max(size) / 10)


def round_number(value: float) -> int:
    """The greatest of 1, 2, 5, 10, 20, 50, ... that is not above a value; 1 at least.

    Example:
        >>> [round_number(value) for value in (0.3, 4.9, 5, 170, 999)]
        [1, 2, 5, 100, 500]
    """
    if value < 1:
        return 1
    power = int(10 ** math.floor(math.log10(value)))
    return max(step * power for step in (1, 2, 5) if step * power <= value)


def _print(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    letters: float,
    *,
    color: str = PALE,
    fontweight: str = "normal",
) -> None:
    axes.text(
        x,
        y,
        text,
        fontsize=letters * 72 / DPI,
        verticalalignment="center_baseline",
        color=color,
        fontweight=fontweight,
        parse_math=False,  # a name with two dollars is no formula
    )
