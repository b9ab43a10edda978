"""Compute the corners of shapes that are drawn at an angle.

Angles turn as seen on the image, whose y runs down: to the right at first, then down.
"""

import math
from collections.abc import Iterable

Corner = tuple[float, float]
"""(x, y) in pixels."""


def is_turned(degrees: float) -> bool:
    """Whether an angle is more than full turns.

    Example:
        >>> is_turned(360.0), is_turned(-90.0)
        (False, True)
    """
    return degrees % 360 != 0


def rectangle(left: float, top: float, width: float, height: float) -> list[Corner]:
    """The four corners, clockwise from the upper left one."""
    right, bottom = left + width, top + height
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def turned(corners: Iterable[Corner], degrees: float, about: Corner) -> list[Corner]:
    """The corners turned about a point, exactly as they were by 0 degrees."""
    if not is_turned(degrees):
        return list(corners)
    x0, y0 = about
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [
        (x0 + (x - x0) * cos - (y - y0) * sin, y0 + (x - x0) * sin + (y - y0) * cos)
        for x, y in corners
    ]


def ellipse(x: float, y: float, wide: float, high: float, degrees: float = 0.0) -> list[Corner]:
    """Two corners of the smallest upright box round an ellipse.

    Args:
        x: Of the centre.
        y: Of the centre.
        wide: Semi-axis that lies along x before the ellipse is turned about its centre.
        high: The other.
        degrees: By how much it is turned.
    """
    if is_turned(degrees):
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        wide, high = math.hypot(wide * cos, high * sin), math.hypot(wide * sin, high * cos)
    return [(x - wide, y - high), (x + wide, y + high)]
