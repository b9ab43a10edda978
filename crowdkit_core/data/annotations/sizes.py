"""Compare the size of an image that annotations state with the image's own."""

from collections.abc import Sequence
from pathlib import Path

from crowdkit_core.data.annotations.marks import MarkedImage
from crowdkit_core.errors import SizeMismatchError
from crowdkit_core.interfaces import Size

_OTHER_IMAGE = "is this the annotation of another image, or of another size of it?"
_UNTURNED = (
    "the sides are exchanged: was the image annotated as it is stored, without the turn that its "
    "EXIF orientation asks for? annotate it upright, or remove the EXIF orientation; from Label "
    "Studio export its own JSON, not COCO"
)


def require_stated_size(marked: MarkedImage, size: Size, source: str | Path) -> None:
    """Refuse annotations that state another size of their image; points would be elsewhere.

    Args:
        marked: Its size is compared where it states one.
        size: (H, W) of the image, upright as its EXIF orientation says.
        source: The annotation, named in errors.

    Raises:
        SizeMismatchError: Names both sizes.
    """
    stated = marked.size
    if stated is None or stated == size:
        return
    raise SizeMismatchError(
        f"{source}: annotated at {by(stated)} pixels, but the image has {by(size)}",
        hint=_UNTURNED if stated == size[::-1] else _OTHER_IMAGE,
    )


def by(size: Sequence[int]) -> str:
    """(H, W) as people write it.

    Example:
        >>> by((480, 640))
        '640 x 480'
    """
    return f"{size[1]} x {size[0]}"
