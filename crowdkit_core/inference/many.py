"""Count the people in many image files, one after the other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from crowdkit_core.errors import DataError, NotEnoughMemoryError
from crowdkit_core.inference.ahead import one_ahead
from crowdkit_core.inference.count import AS_GIVEN, TileSide, count
from crowdkit_core.inference.counted import Counted
from crowdkit_core.inference.images import LoadedImage
from crowdkit_core.inference.interval import Calibration
from crowdkit_core.inference.paths import find_images
from crowdkit_core.inference.roi import RoiLike
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.inference.sources import AS_STORED, Reading, images_in
from crowdkit_core.interfaces import Counter, Localizer
from crowdkit_core.memory import first_line, lacks_memory

OnError = Callable[[DataError | NotEnoughMemoryError], None]
"""Told why a file is left out."""


def count_paths(
    counter: Counter,
    paths: Iterable[str | Path],
    *,
    on_error: OnError | None = None,
    tile: TileSide = "auto",
    halo: int | None = None,
    roi: RoiLike | None = None,
    localizer: Localizer | None = None,
    sizing: Sizing = AS_GIVEN,
    calibration: Calibration | None = None,
    level: float = 0.9,
    device: torch.device | str | None = None,
    reading: Reading = AS_STORED,
) -> Iterator[Counted]:
    """Count the people in files, folders of images, and glob patterns, one after the other.

    While one image is counted, the next one is read in the background.

    Args:
        counter: Any counter.
        paths: What `find_images` takes.
        on_error: Called with the error of a bad file, which is then left out; None stops there.
        tile: As for `count`.
        halo: As for `count`.
        roi: As for `count`; the same region for every image.
        localizer: As for `count`.
        sizing: As for `count`.
        calibration: As for `count`.
        level: As for `count`.
        device: As for `count`.
        reading: What to take from files that hold more than one plain image. Where it knows no
            range for values of more than 8 bits, the files decide one together.

    Raises:
        DataError: A path leads to no image (at once), or a file cannot be read and ``on_error``
            is None (when its turn comes).
        NotEnoughMemoryError: One does not fit into memory, likewise.
    """
    count_one = partial(
        count,
        counter,
        tile=tile,
        halo=halo,
        roi=roi,
        localizer=localizer,
        sizing=sizing,
        calibration=calibration,
        level=level,
        device=device,
    )
    return count_each(count_one, paths, on_error=on_error, reading=reading)


def count_each(
    count_one: Callable[[LoadedImage], Counted],
    paths: Iterable[str | Path],
    *,
    on_error: OnError | None = None,
    reading: Reading = AS_STORED,
) -> Iterator[Counted]:
    """Count the images that paths lead to; arguments and errors as of `count_paths`.

    Args:
        count_one: Counts one image.
        paths: As for `count_paths`.
        on_error: As for `count_paths`.
        reading: As for `count_paths`.
    """
    files = find_images(paths)
    return _each(count_one, files, on_error, reading.decided(files))


def _each(
    count_one: Callable[[LoadedImage], Counted],
    files: Sequence[Path],
    on_error: OnError | None,
    reading: Reading,
) -> Iterator[Counted]:
    with one_ahead(_images_of(files, reading)) as images:
        for file, image in images:
            try:
                counted = count_one(_or_raise(image))
            except DataError as error:
                _leave_out(_naming(file, error), on_error)
            except Exception as error:
                if not lacks_memory(error):
                    raise
                _leave_out(_not_enough(file, error), on_error)
            else:
                yield counted


def _images_of(
    files: Iterable[Path], reading: Reading
) -> Iterator[tuple[Path, LoadedImage | Exception]]:
    """The images of all files, and the error with which a file ends early, at its turn."""
    for file in files:
        try:
            for image in images_in(file, reading):
                yield file, image
        except Exception as error:
            yield file, error


def _or_raise(image: LoadedImage | Exception) -> LoadedImage:
    if isinstance(image, Exception):
        raise image
    return image


def _leave_out(error: DataError | NotEnoughMemoryError, on_error: OnError | None) -> None:
    if on_error is None:
        raise error
    on_error(error)


def _naming(file: Path, error: DataError) -> DataError:
    """The error with the file's name, which a counter that refuses an image does not know."""
    if str(file) in error.message:
        return error
    return DataError(f"{file}: {error.message}", hint=error.hint)


def _not_enough(file: Path, error: Exception) -> NotEnoughMemoryError:
    return NotEnoughMemoryError(
        f"{file}: out of memory: {first_line(error)}",
        hint="count it in smaller tiles (--tile 1024, tile=1024), or shown smaller "
        "(--long-side 2048)",
    )
