"""The list of selections that ImageJ's ROI Manager and overlays show: a box for each, in pixels."""

from collections.abc import Sequence

from crowdkit_core.data.annotations.formats.planes import Plane
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.shapes import rectangle
from crowdkit_core.data.annotations.formats.tool_tables import PIXEL_CENTRE
from crowdkit_core.data.annotations.marks import BoxPoint, Mark
from crowdkit_core.errors import DataError

_OWN = frozenset({"Type", "X", "Y", "Width", "Height", "Points", "LWidth"})
_SEVERAL = (
    "save the selections themselves, in the ROI Manager *More*, *Save...*, or measure them: "
    "*Analyze*, *Measure*"
)


def is_roi_list(names: Sequence[str]) -> bool:
    """Whether columns are those of such a list."""
    return {*names} >= _OWN


def mark_of_roi(row: Record, point: BoxPoint) -> Mark:
    """The point that a row lists, or the box round what it lists.

    Raises:
        DataError: It stands for several points, or says no numbers.
    """
    left, top, width, height = (row.number(name) for name in ("X", "Y", "Width", "Height"))
    if "point" not in row.text("Type").casefold():
        return Mark.of_box(row.box(rectangle(left, top, width, height)), point)
    if row.number("Points") > 1:
        raise DataError(
            f"{row.source}: {row.place} is the box round {row.text('Points')} points", hint=_SEVERAL
        )
    return Mark(left + PIXEL_CENTRE, top + PIXEL_CENTRE)


def plane_of_roi(row: Record) -> Plane:
    """Where in a stack the selection lies; 0 says that it does in all planes."""
    positions = [row.optional(name) or 0.0 for name in ("Z", "T")]
    positions = positions if any(positions) else [row.optional("Pos") or 0.0]
    return tuple(position for position in positions if position)
