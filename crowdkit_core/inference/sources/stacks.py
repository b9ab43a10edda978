"""Give the images of a picture, a stack or an animation one after the other."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import Tensor

from crowdkit_core.data.files.stacks import (
    ALL_FRAMES,
    Frame,
    Frames,
    is_animation,
    needs_tifffile,
    opened_frames,
    pixels_of,
    read_image,
)
from crowdkit_core.data.large import is_slide, open_large
from crowdkit_core.errors import DataError, TooLargeError
from crowdkit_core.inference.images import LoadedImage, load_image
from crowdkit_core.inference.sources.reading import AS_STORED, Reading


def images_of(file: Path, reading: Reading) -> Iterator[LoadedImage]:
    """The images of a file as `images_in` gives them; arguments and errors as there."""
    if is_slide(file):  # TIFF files of many images, of which one is meant
        yield load_image(file)
        return
    plain = reading.selection == ALL_FRAMES
    if plain and not needs_tifffile(file) and not (file.is_file() and is_animation(file)):
        yield one_image(file, reading)
        return
    with opened_frames(file, reading.selection) as frames:
        for frame in frames.chosen:
            yield _loaded(frames, frame, reading)
        if frames.ending:
            raise DataError(frames.ending)


def one_image(file: str | Path, reading: Reading = AS_STORED) -> LoadedImage:
    """The one image of a file.

    Raises:
        DataError: The file cannot be read, or the reading leaves several of its images.
    """
    if reading.selection == ALL_FRAMES and reading.value_range is None:
        return load_image(file)
    read = partial(read_image, file, selection=reading.selection, value_range=reading.value_range)
    try:
        return LoadedImage(str(file), read(), read)
    except TooLargeError:
        return LoadedImage(str(file), open_large(file, reading.value_range), file)


def _loaded(frames: Frames, frame: Frame, reading: Reading) -> LoadedImage:
    return LoadedImage(
        name=str(frames.path),
        pixels=pixels_of(frame, frames.path, reading.value_range),
        source=partial(_read_again, frames.path, frame.number, reading),
        frame=None if frames.total == 1 else frame.number,
        time=frame.time,
        place=frame.place,
    )


def _read_again(file: Path, number: int, reading: Reading) -> Tensor:
    """A frame's pixels, for a picture of it: kept in memory they would be as large as the file."""
    selection = replace(reading.selection, frames=number)
    return read_image(file, selection=selection, value_range=reading.value_range)
