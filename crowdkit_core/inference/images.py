"""Convert files, Pillow images, arrays and tensors to the tensor a counter takes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crowdkit_core.data.files import as_float, read_image, to_rgb
from crowdkit_core.data.files.stacks import Place
from crowdkit_core.data.large import is_slide, open_large
from crowdkit_core.errors import ShapeError, TooLargeError, UsageError
from crowdkit_core.interfaces import LargeImage

ImageLike = (
    str | Path | Image.Image | NDArray[np.generic] | Tensor | LargeImage | Callable[[], Tensor]
)
"""A file, a Pillow image, an (H, W) or (H, W, 3) RGB array, a (3, H, W) RGB tensor, what reads one
when it is called, or what reads parts of one; arrays and tensors are uint8 or float in [0, 1]."""


class Passing:
    """The pixels of a frame until the next one is asked for: a clip does not fit into memory.

    Args:
        pixels: (3, H, W) RGB.
    """

    def __init__(self, pixels: UInt8[Tensor, "3 H W"]) -> None:
        self.pixels: Tensor | None = pixels

    def pass_by(self) -> None:
        """Let go of the pixels."""
        self.pixels = None


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """An image with its pixels, in memory or to be read in parts.

    Attributes:
        name: Its path; empty for one that is no file.
        pixels: (3, H, W) RGB, uint8 or float in [0, 1], on the CPU; of a slide, and of a file of
            more pixels than Pillow's limit (179 megapixels), what reads parts of them.
        source: The image as given; of a clip, what lets go of its pixels in time.
        frame: Its place in a file of many, from 0; None in a file of one.
        time: Seconds from the beginning of a clip; None where there is no time.
        place: Where it lies on the named axes of its file, such as ``{"t": 3, "z": 2}``.
    """

    name: str
    pixels: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"] | LargeImage
    source: ImageLike | Passing
    frame: int | None = None
    time: float | None = None
    place: Place = field(default_factory=dict)


def load_image(image: ImageLike | LoadedImage) -> LoadedImage:
    """Read or convert an image as `as_image` does; one that is loaded stays as it is.

    A large file is opened, and read when parts of it are asked for.
    """
    if isinstance(image, LoadedImage):
        return image
    if isinstance(image, str | Path):
        return LoadedImage(str(image), _in_file(image), image)
    return LoadedImage("", image if isinstance(image, LargeImage) else as_image(image), image)


def _in_file(path: str | Path) -> UInt8[Tensor, "3 H W"] | LargeImage:
    if is_slide(path):
        return open_large(path)
    try:
        return read_image(path)
    except TooLargeError:
        return open_large(path)


def as_image(image: ImageLike) -> UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"]:
    """Read or convert an image.

    OpenCV arrays are BGR: reverse their last axis first.

    Returns:
        (3, H, W) RGB, uint8 or float in [0, 1], on the CPU.

    Raises:
        DataError: A file cannot be read as an image; names it.
        ShapeError: An array or tensor of another shape or dtype.
        UsageError: Float values outside [0, 1].

    Example:
        >>> as_image(np.zeros((4, 6), dtype=np.uint8)).shape
        torch.Size([3, 4, 6])
    """
    if isinstance(image, str | Path):
        return read_image(Path(image))
    if isinstance(image, Image.Image):
        return to_rgb(image)
    if isinstance(image, LargeImage):
        return image[:, :, :]
    if isinstance(image, np.ndarray):
        image = _from_array(image)
    if callable(image):
        image = image()
    return _checked(image.detach().cpu())


def to_batch(
    image: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"], device: torch.device | str
) -> Float[Tensor, "1 3 H W"]:
    """One image as a float batch in [0, 1] on ``device``."""
    return as_float(image.unsqueeze(0).contiguous().to(device))


def _from_array(array: NDArray[np.generic]) -> Tensor:
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3:
        raise ShapeError(f"image array of shape {array.shape}: expected (H, W) or (H, W, 3)")
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise ShapeError(f"image array of {array.dtype}: expected uint8, or float in [0, 1]")
    return torch.from_numpy(array.transpose(2, 0, 1).copy())


def _checked(image: Tensor) -> Tensor:
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise ShapeError(f"image tensor of shape {tuple(image.shape)}: expected (3, H, W)")
    if image.dtype == torch.uint8:
        return image
    if not image.is_floating_point():
        raise ShapeError(f"image tensor of {image.dtype}: expected uint8, or float in [0, 1]")
    low, high = image.aminmax()
    if not (low >= 0 and high <= 1):
        raise UsageError(
            f"image values from {low:g} to {high:g}: float images lie in [0, 1]",
            hint="divide by 255, or pass uint8",
        )
    return image
