"""What the column ``Label`` of an ImageJ table says: the image, the selection and the slice."""

import re
from collections.abc import Sequence

from crowdkit_core.data.annotations.formats.records import Record

_FILE = re.compile(r"(.+?\.(?:tiff?|png|jpe?g|bmp|gif|webp|czi|lif|nd2|lsm|dcm|svs))(?=:|$)", re.I)
_SUMMARY = ("Mean", "SD", "Min", "Max")
"""Labels of the rows that *Summarize* puts below the others."""


def image_in(label: str) -> str:
    """The image that a label names, as ``title``, ``title:selection`` or ``stack:slice``.

    Example:
        >>> image_in("a.tif:0001-0234"), image_in("folder:b.png"), image_in("blobs:12")
        ('a.tif', 'b.png', 'blobs')
    """
    title, _, rest = label.partition(":")
    first = _FILE.fullmatch(title)
    last = _FILE.fullmatch(rest.rpartition(":")[2])
    if first is None and last is not None:  # a stack of files, whose slices are the images
        return last[1]
    return title


def is_slice(label: str) -> bool:
    """Whether the image of a label is one slice of a stack of files."""
    return image_in(label) != label.partition(":")[0]


def without_summary(records: Sequence[Record]) -> Sequence[Record]:
    """The rows without those that *Summarize* put below them."""
    last = tuple(record.values.get("Label") for record in records[-len(_SUMMARY) :])
    return records[: -len(_SUMMARY)] if last == _SUMMARY else records
