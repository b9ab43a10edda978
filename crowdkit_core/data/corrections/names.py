"""Turn what somebody calls an image into the name of a file that every system takes."""

import os
import re
import unicodedata
from collections.abc import Collection
from io import BytesIO
from itertools import count
from pathlib import PurePosixPath

from PIL import Image, UnidentifiedImageError

from crowdkit_core.data.annotations.names import folded
from crowdkit_core.data.files import IMAGE_SUFFIXES
from crowdkit_core.data.files.silence import decoders_silenced
from crowdkit_core.errors import DataError

LONGEST = 120
"""Bytes of a name without its ending."""

_BY_FORMAT = {
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "JPEG2000": ".jp2",
    "PNG": ".png",
    "WEBP": ".webp",
    "AVIF": ".avif",
    "TIFF": ".tif",
    "BMP": ".bmp",
    "GIF": ".gif",
}
_OF_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
"""Names that Windows keeps for devices."""


def safe_stem(name: str) -> str:
    r"""The name of an image without folders and ending: letters, digits, ``-``, ``_``, spaces.

    Example:
        >>> safe_stem("../../etc/my photo.JPG"), safe_stem("C:\\photos\\a?b.png"), safe_stem("..")
        ('my photo', 'a-b', 'image')
    """
    last = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/")).name
    stem = last[: -len(ending)] if (ending := _ending(last)) else last
    kept = "".join(each if each.isalnum() or each in "-_ " else "-" for each in stem)
    kept = os.fsencode(kept)[:LONGEST].decode("utf-8", errors="ignore").strip("- ")
    if not kept or _OF_DEVICES.fullmatch(kept):
        return f"image {kept}".strip()
    return kept


def safe_suffix(name: str, content: bytes) -> str:
    """The ending that a name has, or else the one that suits what the file holds.

    Raises:
        DataError: It holds no image of a known format.
    """
    if ending := _ending(name):
        return ending.lower()
    try:
        with decoders_silenced(), Image.open(BytesIO(content)) as image:
            found = _BY_FORMAT.get(image.format or "", "")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        found = ""
    if not found:
        raise DataError(
            f"{name or 'an image without a name'}: not an image, or its header is damaged",
            hint=f"name it with its ending, one of {' '.join(sorted(IMAGE_SUFFIXES))}",
        )
    return found


def free_stem(stem: str, taken: Collection[str]) -> str:
    """The name, or the first of ``NAME-2``, ``NAME-3``, ... that no file has.

    Args:
        stem: As `safe_stem` gives it.
        taken: Names of files without their endings. Capitals and composed letters make no
            difference, as on some systems.

    Example:
        >>> free_stem("a", ["A", "a-2"])
        'a-3'
    """
    known = {folded(each) for each in taken}
    if folded(stem) not in known:
        return stem
    return next(each for n in count(2) if folded(each := f"{stem}-{n}") not in known)


def _ending(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if suffix.lower() in IMAGE_SUFFIXES else ""
