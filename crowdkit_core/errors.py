"""The errors that crowdkit raises on purpose.

Each inherits `CrowdkitError` and the builtin a caller would expect. A message is one line saying
what was asked, where, and what is wrong; `hint` is a second line saying what to do about it.
"""

from collections.abc import Mapping

from crowdkit_core.printable import printable


class CrowdkitError(Exception):
    """Base of all crowdkit errors.

    As text it is fit for a terminal: control characters of names and values in it are written out.

    Args:
        message: One line: what, where, and what was expected.
        hint: What the user can do about it; shown on a line of its own.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        message, hint = printable(self.message), printable(self.hint, keep="\n")
        return f"{message}\n  {hint}" if hint else message


class UsageError(CrowdkitError, ValueError):
    """The request itself is wrong: an option, a name or a combination. Exit code 2."""


class UnknownComponentError(UsageError, LookupError):
    """No installed distribution offers the named component."""


class AmbiguousComponentError(UsageError, LookupError):
    """Two distributions offer the same name."""


class OptionsError(UsageError):
    """Options that do not fit a component's signature; lists all of them."""


class IncompatibleError(UsageError):
    """Two components that cannot work together; names both and says what is missing."""


class BrokenComponentError(CrowdkitError, ImportError):
    """A registered component whose package cannot be loaded, or needs another crowdkit-core."""


class MissingPackageError(CrowdkitError, ImportError):
    """A package that crowdkit does not require, and this call does, is not installed."""


class ShapeError(CrowdkitError, ValueError):
    """A tensor of the wrong shape or dtype at a public door."""


class DataError(CrowdkitError, ValueError):
    """A file that cannot be read as what it should be, or holds impossible values."""


class EmptySplitError(DataError):
    """A split that a data set has no image of.

    Args:
        message: As `DataError`.
        hint: As `DataError`.
        images: Number of images of the splits that there are, ``all`` among them.
    """

    def __init__(
        self, message: str, *, hint: str = "", images: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.images = images or {}


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


class TooLargeError(DataError):
    """An image of more pixels than are read at once."""


class SizeMismatchError(DataError):
    """Two pictures that must have one size do not."""


class WeightsError(CrowdkitError, ValueError):
    """A weights file that is unsafe, damaged or of another architecture."""


class DivergedError(CrowdkitError, ArithmeticError):
    """Training whose loss became NaN or infinite."""


class NotEnoughMemoryError(CrowdkitError, MemoryError):
    """What was asked does not fit into the memory of the device or the machine."""


def require_at_least_one(options: Mapping[str, int | None]) -> None:
    """Refuse numbers of things below 1.

    Args:
        options: Values by what messages call them; None is left alone.

    Raises:
        OptionsError: Names the first value below 1.
    """
    for name, value in options.items():
        if value is not None and value < 1:
            raise OptionsError(f"{name} is {value}, must be at least 1")


def shown(value: object) -> str:
    """A value as a message shows it, cut where it is long.

    Example:
        >>> len(shown("x" * 100))
        60
    """
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
