"""What people point a counter at: files of one image, and of many; streams and cameras."""

from crowdkit_core.inference.sources.addresses import Source, SourceLike, as_address
from crowdkit_core.inference.sources.clips import clip_seconds
from crowdkit_core.inference.sources.images_in import images_in, is_video
from crowdkit_core.inference.sources.reading import AS_STORED, Reading
from crowdkit_core.inference.sources.span import Span
from crowdkit_core.inference.sources.stacks import one_image

__all__ = [
    "AS_STORED",
    "Reading",
    "Source",
    "SourceLike",
    "Span",
    "as_address",
    "clip_seconds",
    "images_in",
    "is_video",
    "one_image",
]
