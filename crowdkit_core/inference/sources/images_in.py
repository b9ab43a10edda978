"""Give the images of a file, whatever it is, one after the other."""

from collections.abc import Iterator
from pathlib import Path

from crowdkit_core.inference.images import LoadedImage, load_image
from crowdkit_core.inference.sources.reading import AS_STORED, Reading


def images_in(file: str | Path, reading: Reading = AS_STORED) -> Iterator[LoadedImage]:
    """The images of a file in order, each read when it is asked for.

    Args:
        file: An image.
        reading: Which of them.

    Raises:
        DataError: The file cannot be read, or not to its end; what came before it is good.
    """
    del reading  # one plain image leaves no choice
    yield load_image(file)
