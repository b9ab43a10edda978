"""Choose the range of values that is shown, where nobody said which."""

from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from crowdkit_core.interfaces import ValueRange

PERCENTILES = (0.1, 99.9)
"""Of the values that become black and white.

A camera's hot and dead pixels are fewer than one in a thousand, and what is to be counted covers
more of an image than that. Extremes would give one hot pixel the whole range.
"""

_PIXELS = 2**17
"""About how many pixels of an image are looked at, on a grid over all of it."""


def range_of(samples: Sequence[NDArray[np.generic]]) -> ValueRange:
    """The range of the values of images together, few of them beyond it.

    Args:
        samples: Values of each, such as `thinned` gives them.

    Raises:
        ValueError: A value is not finite.

    Example:
        >>> grey = np.linspace(100.0, 200.0, 10_000)
        >>> grey[0] = 65535.0
        >>> print(range_of([grey]))
        100.1 to 199.92
    """
    values = np.concatenate([each.ravel() for each in samples]).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("pixel values are not finite")
    low = float(np.percentile(values, PERCENTILES[0], method="lower"))
    high = float(np.percentile(values, PERCENTILES[1], method="higher"))
    if low == high:  # what is not the background is rarer than that
        low, high = float(values.min()), float(values.max())
    return ValueRange(low, high if low < high else low + 1.0)


def thinned(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """The values on a grid over a large image; all of a small one."""
    step = thinning(values.shape[0], values.shape[1])
    return values[::step, ::step]


def thinning(height: int, width: int) -> int:
    """From one pixel that `thinned` takes to the next, along both sides."""
    return max(1, ceil(sqrt(height * width / _PIXELS)))
