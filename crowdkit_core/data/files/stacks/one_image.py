"""Read a file of which one image is wanted."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from crowdkit_core.data.files.images import plain_size, read_plain, shown
from crowdkit_core.data.files.stacks.frames import Frame
from crowdkit_core.data.files.stacks.opening import opened_frames
from crowdkit_core.data.files.stacks.recognition import needs_tifffile
from crowdkit_core.data.files.stacks.selection import ALL_FRAMES, Selection
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size, ValueRange


def read_image(
    path: str | Path,
    *,
    selection: Selection = ALL_FRAMES,
    value_range: ValueRange | None = None,
) -> UInt8[Tensor, "3 H W"]:
    """Read an image file as RGB.

    The EXIF orientation is applied. Grey and palette images become RGB and transparency is
    ignored. Images of more than 8 bits (microscopes) have no agreed range of values: without
    ``value_range`` almost all of an image's own values, from its percentile 0.1 to its 99.9, become
    0 to 255. Images that are to be compared need one range for all: `decided_range`.

    Args:
        path: A file in any format Pillow reads, HEIC where pillow-heif is installed; with tifffile,
            also TIFF files of any values.
        selection: Which image of a file of many.
        value_range: The values of the file that become 0 and 255; images of 8 bits stay as they
            are.

    Returns:
        (3, H, W) uint8 RGB, a view of rows of pixels as files have them.

    Raises:
        DataError: Missing, empty, cut short, no image, several images where the selection leaves
            more than one (an animation, a stack), values that are not finite, or more pixels than
            Pillow's limit (``2 * PIL.Image.MAX_IMAGE_PIXELS``), which is checked before anything
            is decoded.
    """
    if selection == ALL_FRAMES and not needs_tifffile(path):
        return read_plain(path, value_range)
    with opened_frames(path, selection) as frames:
        return pixels_of(frames.only(), Path(path), value_range)


def image_size(path: str | Path, *, selection: Selection = ALL_FRAMES) -> Size:
    """(H, W) of an image as `read_image` would return it, from its header alone.

    Raises:
        DataError: Missing, empty, no image, several images, or over the pixel limit.
    """
    if selection == ALL_FRAMES and not needs_tifffile(path):
        return plain_size(path)
    with opened_frames(path, selection) as frames:
        frames.only()
        return frames.size


def pixels_of(frame: Frame, path: Path, value_range: ValueRange | None) -> UInt8[Tensor, "3 H W"]:
    """Read a frame as RGB, its values by a range, or by their own if that is None.

    Raises:
        DataError: It cannot be read, or a value is not finite.
    """
    values = frame.read()
    if values.dtype != np.uint8:
        try:
            values = shown(values, value_range)
        except ValueError as error:
            raise DataError(f"{path}: {error}, in frame {frame.number}") from error
    pixels = torch.from_numpy(np.array(values))  # an array of its own, and not turned
    return pixels.permute(2, 0, 1) if pixels.ndim == 3 else pixels.expand(3, *pixels.shape)
