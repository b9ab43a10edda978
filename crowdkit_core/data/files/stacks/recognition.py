"""Tell files of many images, and TIFF files that Pillow reads wrongly, from plain pictures."""

from importlib.util import find_spec
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from crowdkit_core.data.files.opening import is_one_image
from crowdkit_core.data.files.silence import decoders_silenced

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ANIMATED = frozenset({"GIF", "PNG", "WEBP"})
_BITS, _MEANING, _SAMPLES, _EXTRA, _FORMAT = 258, 262, 277, 338, 339
_UNSIGNED, _FROM_BLACK, _UNSPECIFIED = 1, 1, 0
_AS_PILLOW_READS = frozenset({(16, 1), (16, 2), (32, 2), (32, 3)})
"""Bits and format of grey values of more than 8 bits that Pillow reads as they are."""


def needs_tifffile(path: str | Path) -> bool:
    """Whether a file is a TIFF of many planes, or of values that Pillow does not read as they are.

    Whatever is no TIFF, or no file at all, is left to what reads plain pictures.
    """
    try:
        if not Path(path).is_file():  # opening a pipe would wait for ever
            return False
        with Path(path).open("rb") as file:
            head = file.read(4)
    except OSError:
        return False
    return head in _TIFF and not _pillow_suffices(Path(path))


def is_animation(path: str | Path) -> bool:
    """Whether a file is a GIF, PNG or WebP of several frames."""
    try:
        with decoders_silenced(), Image.open(path) as image:
            return image.format in _ANIMATED and getattr(image, "n_frames", 1) > 1
    except Exception:  # damage is reported by what reads it
        return False


def _pillow_suffices(path: Path) -> bool:
    try:
        with decoders_silenced(), path.open("rb") as file, Image.open(file) as image:
            return is_one_image(image) and _reads_values(image)
    except UnidentifiedImageError:
        return False
    except Image.DecompressionBombError:  # read in parts, or refused for its size
        return True
    except Exception:  # damage: tifffile reads the planes before it
        return find_spec("tifffile") is None


def _reads_values(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    if _UNSPECIFIED in tags.get(_EXTRA, ()):
        return False
    bits = tags.get(_BITS, (1,))
    formats = {*tags.get(_FORMAT, (_UNSIGNED,))}
    if max(bits) <= 8:
        return formats <= {_UNSIGNED, 4}  # 4: undefined
    if tags.get(_SAMPLES, 1) != 1 or tags.get(_MEANING) != _FROM_BLACK:
        return False
    return (bits[0], *formats) in _AS_PILLOW_READS
