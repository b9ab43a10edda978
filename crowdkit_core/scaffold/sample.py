"""The sample that a new plugin of a data set reads: small images and their points."""

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

IMAGES = 4
SIZE = (48, 64)


def sample_files() -> Mapping[str, bytes]:
    """Contents by path: ``images/1.png`` with bright dots, ``points/1.txt`` with their places.

    Example:
        >>> sorted(sample_files())[0]
        'images/1.png'
    """
    files: dict[str, bytes] = {}
    for number in range(1, IMAGES + 1):
        random = np.random.default_rng(number)
        pixels = random.integers(0, 80, (*SIZE, 3), dtype=np.uint8)
        rows, columns = (random.integers(0, side, 3 * number) for side in SIZE)
        pixels[rows, columns] = 255
        lines = [f"{x + 0.5} {y + 0.5}\n" for x, y in zip(columns, rows, strict=True)]
        files[f"images/{number}.png"] = _png(pixels)
        files[f"points/{number}.txt"] = "".join(lines).encode()
    return files


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
