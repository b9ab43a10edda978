"""Whether the positions in an ImageJ table are pixels: it states no unit.

ImageJ writes positions in the unit of the image's scale. Areas say whether that is the pixel: the
area of a selection is its number of pixels, times the area of one. Points without an area say it
where all are whole numbers, as the point tool sets them in an image without a scale.
"""

import math
from collections.abc import Sequence
from functools import reduce
from typing import Literal

from crowdkit_core.data.annotations.formats.format import Reading
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.units import IN_PIXELS, PIXEL_SIZE
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError

Unit = Literal["pixels", "lengths", "unknown"]

_ENOUGH = 5
"""Areas that have no divisor in common by accident."""


def length_of_pixel(
    file: TextFile, records: Sequence[Record], columns: tuple[str, str], reading: Reading
) -> float:
    """The length of a pixel's side in the unit of a table's positions.

    Args:
        file: The table.
        records: Its rows.
        columns: Those of x and y.
        reading: May say the pixel's size.

    Raises:
        DataError: The positions are lengths, or may be, and the pixel's size is not known.
    """
    if reading.pixel_size is not None:
        return reading.pixel_size
    unit = unit_of(records, columns)
    if unit == "pixels":
        return 1.0
    if unit == "lengths":
        raise DataError(
            f"{file}: its areas are no numbers of pixels, so {' and '.join(columns)} are in the "
            "unit of the image's scale, such as µm",
            hint=PIXEL_SIZE + IN_PIXELS,
        )
    raise DataError(
        f"{file}: {' and '.join(columns)} may be pixels or lengths in the unit of the image's "
        "scale, such as µm; the table does not say",
        hint=f"{PIXEL_SIZE}{IN_PIXELS}. In ImageJ *Analyze*, *Set Scale*, *Remove Scale* before "
        "measuring writes pixels",
    )


def unit_of(records: Sequence[Record], columns: tuple[str, str]) -> Unit:
    """What the rows say about their unit."""
    areas = [area for each in records if (area := each.optional("Area") or 0.0) > 0]
    if areas:
        return _of_areas(areas)
    values = [record.number(column) for record in records for column in columns]
    return "pixels" if all(value.is_integer() for value in values) else "unknown"


def _of_areas(areas: Sequence[float]) -> Unit:
    if not all(area.is_integer() for area in areas):
        return "lengths"
    common = reduce(math.gcd, (int(area) for area in areas))
    return "lengths" if common > 1 and len(set(areas)) >= _ENOUGH else "pixels"
