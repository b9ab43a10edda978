"""The values of files of more than 8 bits that become black and white."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdkit_core.errors import UsageError


@dataclass(frozen=True, slots=True)
class ValueRange:
    """The file values that become 0 and 255; those beyond them become 0 and 255 too.

    Attributes:
        low: In the file's own values.
        high: Above ``low``.

    Raises:
        UsageError: A bound is not finite, or ``low`` is not below ``high``.

    Example:
        >>> print(ValueRange(200.0, 4095.0))
        200 to 4095
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise UsageError(
                f"range {self}: expected two finite numbers, the lower one first",
                hint="LOW becomes black and HIGH white, in the values that the file holds",
            )

    def __str__(self) -> str:
        return f"{self.low:.6g} to {self.high:.6g}"

    def shown(self, values: NDArray[np.generic]) -> NDArray[np.uint8]:
        """File values as 8 bits, of the same shape.

        Raises:
            ValueError: A value is not finite.

        Example:
            >>> ValueRange(100.0, 610.0).shown(np.array([90, 100, 102, 610, 65535])).tolist()
            [0, 0, 1, 255, 255]
        """
        small = values.dtype.itemsize <= 2
        wide: NDArray[np.floating] = values.astype(np.float32 if small else np.float64)
        if not np.isfinite(wide).all():
            raise ValueError("pixel values are not finite")
        wide -= self.low
        wide *= 255 / (self.high - self.low)
        shown: NDArray[np.uint8] = np.rint(wide.clip(0, 255)).astype(np.uint8)
        return shown
