"""Read images whose pixel values are labels, not colours."""

from pathlib import Path

import numpy as np
from jaxtyping import Integer
from numpy.typing import NDArray

from crowdkit_core.data.files.images import turned_upright
from crowdkit_core.data.files.opening import is_lossy, opened
from crowdkit_core.errors import DataError

_GREY = frozenset({"1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N"})
"""Pillow's modes of one value a pixel; that of a palette is the place in it."""


def read_labels(path: str | Path) -> Integer[NDArray[np.generic], "H W"]:
    """The values of a grey or palette image as they are stored, as one label a pixel.

    Raises:
        DataError: As `read_image`; also of an image in colours or of a format that smears values.
    """
    with opened(path) as image:
        if is_lossy(image, path):
            raise DataError(
                f"{path}: {image.format} smears values, so labels cannot be read from it",
                hint="save images of labels as PNG",
            )
        if image.mode not in _GREY:
            raise DataError(
                f"{path}: an image in colours ({image.mode}), expected a grey value or a place in "
                "a palette for each pixel",
                hint="save it as a grey PNG of 8 or 16 bits, in which each value is a label",
            )
        values: NDArray[np.generic] = np.array(turned_upright(image))
    return values.astype(np.uint8) if values.dtype == np.bool_ else values
