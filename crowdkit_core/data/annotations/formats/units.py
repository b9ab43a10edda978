"""Positions in micrometres or another unit of length, of which a pixel's size makes pixels."""

from crowdkit_core.data.annotations.formats.format import Reading
from crowdkit_core.errors import DataError, shown

PIXEL_SIZE = (
    "say how long the side of a pixel is in that unit: `--pixel-size 0.325`, of a dataset "
    "`--set dataset.pixel_size=0.325`"
)
IN_PIXELS = "; `1` says that positions are in pixels"

_PIXEL = frozenset({"px", "pixel", "pixels"})


def unit_length(where: object, unit: str, reading: Reading) -> float:
    """The length of a pixel's side in the unit that a file states; 1 where that is the pixel.

    Args:
        where: The file and the column, for errors.
        unit: As stated.
        reading: May say the pixel's size.

    Raises:
        DataError: Positions are no pixels and the pixel's size is not known, or they are pixels and
            it is said nonetheless.
    """
    if is_pixel(unit):
        if reading.pixel_size not in (None, 1.0):
            raise DataError(
                f"{where} is in pixels, so a pixel size of {reading.pixel_size} says nothing",
                hint="leave the pixel size out",
            )
        return 1.0
    if reading.pixel_size is None:
        raise DataError(f"{where} is in {shown(unit)}, not in pixels", hint=PIXEL_SIZE)
    return reading.pixel_size


def is_pixel(unit: str) -> bool:
    """Whether a unit is the pixel.

    Example:
        >>> is_pixel("pixels"), is_pixel("(px)"), is_pixel("micron")
        (True, True, False)
    """
    return unit.strip("()[] ").casefold() in _PIXEL
