"""Read one annotation file in a format, with options that the format has."""

from pathlib import Path

from crowdkit_core.data.annotations.formats import FORMATS, Columns, FormatName, Listed, Reading
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import UsageError


def read_as(name: FormatName, file: TextFile, reading: Reading) -> list[Listed]:
    """The images of a file in a format.

    Raises:
        UsageError: As `require_options`.
        DataError: The file is malformed.
    """
    require_options(file.path, name, reading)
    return FORMATS[name].read(file, reading)


def require_options(path: Path, name: FormatName, reading: Reading) -> None:
    """Refuse options that a format does not have.

    Raises:
        UsageError: Columns are named that it has not, or a pixel's size where it is in pixels.
    """
    if reading.columns != Columns() and not FORMATS[name].has_columns:
        raise UsageError(f"{path}: {name} has no columns that could be named")
    if reading.pixel_size is not None and not FORMATS[name].has_units:
        raise UsageError(
            f"{path}: {name} is in pixels, so a pixel size says nothing",
            hint="leave the pixel size out",
        )
