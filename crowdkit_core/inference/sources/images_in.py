"""Give the images of a file, a clip or a camera one after the other."""

from collections.abc import Iterator
from pathlib import Path

from crowdkit_core.data.files import VIDEO_SUFFIXES
from crowdkit_core.inference.images import LoadedImage
from crowdkit_core.inference.sources.addresses import Address, Camera, Source
from crowdkit_core.inference.sources.clips import clip_seconds, frames_of
from crowdkit_core.inference.sources.live import newest_frames
from crowdkit_core.inference.sources.reading import AS_STORED, Reading
from crowdkit_core.inference.sources.stacks import images_of


def images_in(source: Source, reading: Reading = AS_STORED) -> Iterator[LoadedImage]:
    """The images of a source in order, each read when it is asked for.

    Args:
        source: A picture, a stack or an animation; a clip, a stream or a camera.
        reading: Which of its images, and what their values show.

    Raises:
        DataError: The source cannot be read, or not to its end; what came before it is good.
        MissingPackageError: It needs a package that is not installed.
    """
    if isinstance(source, Path) and not is_video(source):
        yield from images_of(source, reading)
    elif isinstance(source, Path) or _is_recorded(source):
        yield from frames_of(source, reading.every)
    else:
        yield from newest_frames(source, reading.every)


def is_video(source: Source) -> bool:
    """Whether a source gives frames with times: a clip by its ending, a stream, a camera."""
    return not isinstance(source, Path) or source.suffix.lower() in VIDEO_SUFFIXES


def _is_recorded(source: Address | Camera) -> bool:
    """Whether it is a file on a web server, which does not go on while a frame is counted."""
    by_web = isinstance(source, Address) and source.url.lower().startswith("http")
    return by_web and clip_seconds(source) is not None
