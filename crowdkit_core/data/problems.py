"""What can be wrong with a data set's files, told apart so that a check can sort them."""

from crowdkit_core.errors import DataError


class MissingFileError(DataError, FileNotFoundError):
    """An image without annotation, or an annotation without image."""


class OutsideError(DataError):
    """Points so far outside the frame that the annotation cannot belong to the image.

    Args:
        message: As `DataError`.
        hint: As `DataError`.
        swapped: Exchanging x and y would bring every point inside.
    """

    def __init__(self, message: str, *, hint: str = "", swapped: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.swapped = swapped


class SizeMismatchError(DataError):
    """Two pictures that must have one size do not."""
