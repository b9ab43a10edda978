"""Which channel of a TIFF file is counted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from defusedxml import ElementTree

from crowdkit_core.errors import DataError


def channel_names(file: Any, index: int) -> list[str]:
    """The names that OME metadata gives the channels of a series, in order; empty without any."""
    if not file.is_ome or not file.ome_metadata:
        return []
    try:
        images = ElementTree.fromstring(file.ome_metadata).findall(".//{*}Image")
    except Exception:  # damaged metadata leaves channels without names
        return []
    pixels = images[index] if index < len(images) else None
    channels = [] if pixels is None else pixels.findall(".//{*}Channel")
    return [channel.get("Name") or "" for channel in channels]


def channel_index(
    path: Path,
    asked: int | str | None,
    *,
    outer: int,
    samples: int,
    coloured: bool,
    names: Sequence[str],
) -> int:
    """The number of the channel that is read; -1 for all colours of a plain image.

    Args:
        path: The file.
        asked: A number from 0 or a name; None if nobody chose.
        outer: Channels that are planes of their own.
        samples: Values of a pixel within a plane.
        coloured: Those are its colours.
        names: Of the channels.

    Raises:
        DataError: There are several and nobody chose, or not the one that was asked for.
    """
    count = outer if outer > 1 else samples
    if asked is None:
        if outer > 1 or (samples > 1 and not coloured):
            raise DataError(
                f"{path}: {count} channels, expected grey or RGB",
                hint=f"choose one by --channel: {_listed(count, names)}",
            )
        return -1
    number = names.index(asked) if asked in names else asked
    if isinstance(number, str) and number.isdecimal():
        number = int(number)
    if not isinstance(number, int) or not 0 <= number < count:
        raise DataError(
            f"{path}: has no channel {asked}",
            hint=f"its channels: {_listed(count, names)}",
        )
    return number


def _listed(count: int, names: Sequence[str]) -> str:
    named = [*names, *[""] * count][:count]
    return ", ".join(f"{number} {name}".strip() for number, name in enumerate(named))
