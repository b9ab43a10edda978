"""Files of many images: which of them are taken, and what their values show."""

from crowdkit_core.data.files.stacks.deciding import DecidedRange, decided_range
from crowdkit_core.data.files.stacks.frames import Frame, Frames, Place
from crowdkit_core.data.files.stacks.one_image import image_size, pixels_of, read_image
from crowdkit_core.data.files.stacks.opening import opened_frames
from crowdkit_core.data.files.stacks.recognition import is_animation, needs_tifffile
from crowdkit_core.data.files.stacks.selection import (
    ALL_FRAMES,
    Projection,
    Selection,
    parse_frames,
    parse_projection,
)

__all__ = [
    "ALL_FRAMES",
    "DecidedRange",
    "Frame",
    "Frames",
    "Place",
    "Projection",
    "Selection",
    "decided_range",
    "image_size",
    "is_animation",
    "needs_tifffile",
    "opened_frames",
    "parse_frames",
    "parse_projection",
    "pixels_of",
    "read_image",
]
