"""Read an image as RGB pixels, as crowdkit does: turned upright, refused where it is not one."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from crowdkit_onnx.errors import CountingError

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB."""

ImageLike = str | Path | Image.Image | NDArray[Any]
"""A file, a Pillow image, or an (H, W) or (H, W, 3) RGB array of uint8."""

DEEP_MODES = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N", "F"})
"""Pillow's for grey images of more than 8 bits."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXTRA_CHANNELS, _UNSPECIFIED = 338, 0


def as_pixels(image: ImageLike) -> Pixels:
    """Read or convert an image.

    Raises:
        CountingError: A file is missing, no image, several images, of more than 8 bits, or of more
            pixels than Pillow's limit; or an array is no uint8 image.
    """
    if isinstance(image, str | Path):
        with _opened(Path(image)) as opened:
            return _rgb(opened, str(image))
    if isinstance(image, Image.Image):
        return _rgb(image, "image")
    if (
        image.dtype != np.uint8
        or not (image.ndim == 2 or image.shape[2:] == (3,))
        or not image.size
    ):
        raise CountingError(
            f"image array of {image.dtype} {image.shape}: expected uint8 (H, W) or (H, W, 3)"
        )
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    _require_file(path)
    try:
        with warnings.catch_warnings():  # large, odd metadata: only errors matter here
            warnings.simplefilter("ignore")
            with path.open("rb") as file, Image.open(file) as image:
                _require_one(image, path)
                yield image
    except CountingError:
        raise
    except UnidentifiedImageError as error:
        raise CountingError(f"{path}: not an image, or its header is damaged") from error
    except Image.DecompressionBombError as error:
        raise CountingError(
            f"{path}: too large to be read at once: crowdkit count reads it in parts"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything on a damaged file
        raise CountingError(f"{path}: cannot be read as an image: {error}") from error


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise CountingError(f"{path}: a folder; name the images in it, such as {path}/*.jpg")
    if not path.exists():
        raise CountingError(f"{path}: no such file")
    if not path.is_file():  # opening a pipe would wait for ever
        raise CountingError(f"{path}: a pipe, socket or device, expected an image file")
    if path.stat().st_size == 0:
        raise CountingError(f"{path}: the file is empty (0 bytes), expected an image")


def _require_one(image: Image.Image, path: Path) -> None:
    """Refuse files of which something would be left out without a word."""
    number = getattr(image, "n_frames", 1)
    if number > 1 and image.format not in {"MPO", "HEIF"}:  # a photograph and its previews
        raise CountingError(
            f"{path}: {number} frames or pages, expected one image: crowdkit count counts each"
        )
    if _UNSPECIFIED in getattr(image, "tag_v2", {}).get(_EXTRA_CHANNELS, ()):
        raise CountingError(f"{path}: channels that are no colours, expected grey or RGB")


def _rgb(image: Image.Image, name: str) -> Pixels:
    if image.mode in DEEP_MODES:
        raise CountingError(
            f"{name}: grey of more than 8 bits: which values are black and white has to be chosen, "
            "as crowdkit count does; or save it with 8 bits"
        )
    orientation = _orientation(image)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    if image.mode == "P":
        image = image.convert("RGBA")  # Pillow warns when it drops a palette's alpha
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":  # Pillow turns these itself
        return 1
    # A PNG may carry EXIF behind its pixels, and getexif() would decode them to find out.
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))
