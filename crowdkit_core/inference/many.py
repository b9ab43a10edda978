"""Count the people in many image files, one after the other."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import torch

from crowdkit_core.errors import DataError, NotEnoughMemoryError
from crowdkit_core.inference.ahead import one_ahead
from crowdkit_core.inference.count import AS_GIVEN, TileSide, count
from crowdkit_core.inference.counted import Counted
from crowdkit_core.inference.ground import GroundLike, as_ground
from crowdkit_core.inference.images import LoadedImage, Passing
from crowdkit_core.inference.interval import Calibration
from crowdkit_core.inference.paths import find_images
from crowdkit_core.inference.roi import RoiLike
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.inference.sources import (
    AS_STORED,
    Reading,
    Source,
    SourceLike,
    images_in,
    is_video,
)
from crowdkit_core.inference.zones import ZonesLike, as_zones
from crowdkit_core.interfaces import Counter, Localizer
from crowdkit_core.memory import first_line, lacks_memory

OnError = Callable[[DataError | NotEnoughMemoryError], None]
"""Told why a file is left out."""


def count_paths(
    counter: Counter,
    paths: Iterable[SourceLike],
    *,
    on_error: OnError | None = None,
    tile: TileSide = "auto",
    halo: int | None = None,
    roi: RoiLike | None = None,
    zones: ZonesLike | None = None,
    ground: GroundLike | None = None,
    localizer: Localizer | None = None,
    sizing: Sizing = AS_GIVEN,
    calibration: Calibration | None = None,
    level: float = 0.9,
    device: torch.device | str | None = None,
    reading: Reading = AS_STORED,
) -> Iterator[Counted]:
    """Count the people in files, folders of images, and glob patterns, one after the other.

    While one image is counted, the next one is read in the background. Streams and cameras are not
    read ahead: they give what they see when a count is done.

    Args:
        counter: Any counter.
        paths: What `find_images` takes.
        on_error: Called with the error of a bad file, which is then left out; None stops there.
        tile: As for `count`.
        halo: As for `count`.
        roi: As for `count`; the same region for every image.
        zones: As for `count`; the same zones for every image.
        ground: As for `count`; the same ground for every image.
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
        zones=None if zones is None else as_zones(zones),
        ground=None if ground is None else as_ground(ground),
        localizer=localizer,
        sizing=sizing,
        calibration=calibration,
        level=level,
        device=device,
    )
    return count_each(count_one, paths, on_error=on_error, reading=reading)


def count_each(
    count_one: Callable[[LoadedImage], Counted],
    paths: Iterable[SourceLike],
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
    return _each(count_one, files, on_error, reading.decided(_stored(files)))


def _each(
    count_one: Callable[[LoadedImage], Counted],
    sources: Sequence[Source],
    on_error: OnError | None,
    reading: Reading,
) -> Iterator[Counted]:
    with _taking(sources)(_images_of(sources, reading)) as images:
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
                if isinstance(counted.source, Passing):
                    counted.source.pass_by()


def _stored(sources: Iterable[Source]) -> list[Path]:
    """Those that are files of images."""
    return [file for file in sources if isinstance(file, Path) and not is_video(file)]


_Images = Iterator[tuple[Source, LoadedImage | Exception]]


def _taking(sources: Sequence[Source]) -> Callable[[_Images], AbstractContextManager[_Images]]:
    """Files are read one ahead; a stream goes on meanwhile, and what was read ahead is old."""
    return one_ahead if all(isinstance(source, Path) for source in sources) else nullcontext


def _images_of(sources: Iterable[Source], reading: Reading) -> _Images:
    """The images of all sources, and the error with which one ends early, at its turn."""
    for source in sources:
        try:
            for image in images_in(source, reading):
                yield source, image
        except Exception as error:
            yield source, error


def _or_raise(image: LoadedImage | Exception) -> LoadedImage:
    if isinstance(image, Exception):
        raise image
    return image


def _leave_out(error: DataError | NotEnoughMemoryError, on_error: OnError | None) -> None:
    if on_error is None:
        raise error
    on_error(error)


def _naming(file: Source, error: DataError) -> DataError:
    """The error with the file's name, which a counter that refuses an image does not know."""
    if str(file) in error.message:
        return error
    return DataError(f"{file}: {error.message}", hint=error.hint)


def _not_enough(file: Source, error: Exception) -> NotEnoughMemoryError:
    return NotEnoughMemoryError(
        f"{file}: out of memory: {first_line(error)}",
        hint="count it in smaller tiles (--tile 1024, tile=1024), or shown smaller "
        "(--long-side 2048)",
    )
