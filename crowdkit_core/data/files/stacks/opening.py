"""Open any image file as its frames."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image

from crowdkit_core.data.files.images import DEEP_MODES, colours_of, turned_upright, upright_size
from crowdkit_core.data.files.opening import opened
from crowdkit_core.data.files.stacks.frames import Frame, Frames, Values, one_channel
from crowdkit_core.data.files.stacks.recognition import is_animation, needs_tifffile
from crowdkit_core.data.files.stacks.selection import ALL_FRAMES, Selection
from crowdkit_core.data.files.stacks.tiff import opened_tiff
from crowdkit_core.errors import DataError

_A_SECOND = 1000
"""Animations have their times in milliseconds."""


def opened_frames(
    path: str | Path, selection: Selection = ALL_FRAMES
) -> AbstractContextManager[Frames]:
    """The chosen frames of an image file, for as long as the block lasts.

    Args:
        path: A plain picture, a TIFF file of any number of planes, or an animation.
        selection: Which of them.

    Raises:
        DataError: The file cannot be read, or has not what is chosen.
    """
    path = Path(path)
    return opened_tiff(path, selection) if needs_tifffile(path) else _by_pillow(path, selection)


@contextmanager
def _by_pillow(path: Path, selection: Selection) -> Iterator[Frames]:
    if selection.projection is not None:
        axis = selection.projection.axis
        raise DataError(f"{path}: has no {axis} axis to project over: it is no stack")
    animated = path.is_file() and is_animation(path)
    with opened(path, animated=animated) as image:
        times = _times(image) if animated else [None]
        yield Frames(
            path=path,
            size=upright_size(image),
            deep=image.mode in DEEP_MODES,
            total=len(times),
            chosen=[
                Frame(
                    number=number,
                    read=partial(_read, image, number, selection, path),
                    time=times[number],
                )
                for number in selection.chosen(len(times), path)
            ],
        )


def _times(image: Image.Image) -> list[float | None]:
    """When each frame of an animation begins, in seconds."""
    durations = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        durations.append(float(image.info.get("duration", 0)) / _A_SECOND)
    image.seek(0)
    return [0.0, *accumulate(durations[:-1])]


def _read(image: Image.Image, number: int, selection: Selection, path: Path) -> Values:
    if number != image.tell():
        image.seek(number)
    upright = turned_upright(image)
    values: Values = np.asarray(upright) if upright.mode in DEEP_MODES else colours_of(upright)
    return one_channel(values, selection, path)
