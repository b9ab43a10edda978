"""The images of a file as values that are read when they are wanted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from crowdkit_core.data.files.stacks.selection import Selection
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size

Values = NDArray[Any]
"""(H, W) grey or (H, W, 3) RGB: uint8 as it is shown, any other type in values of the file."""

Place = Mapping[str, int | str]
"""Where a frame lies on the axes of its file, such as ``{"t": 3, "z": 2}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One image of a file.

    Attributes:
        number: From 0, among all frames of the file.
        read: Reads its values.
        place: Where it lies on the axes of its file.
        time: Seconds from the beginning of an animation; None elsewhere.
    """

    number: int
    read: Callable[[], Values]
    place: Place = field(default_factory=dict)
    time: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The chosen images of a file that is open.

    Attributes:
        path: The file.
        size: (H, W) of the first of them.
        deep: Its values are more than 8 bits, so that a range has to say what is black and white.
        total: How many there are to choose among.
        chosen: Those that are chosen, in order.
        ending: Why there may be more that cannot be read; empty for a whole file.
    """

    path: Path
    size: Size
    deep: bool
    total: int
    chosen: Sequence[Frame]
    ending: str = ""

    def only(self) -> Frame:
        """The one image that is chosen.

        Raises:
            DataError: There are several, or the file is not whole.
        """
        if self.ending:
            raise DataError(self.ending)
        if len(self.chosen) > 1:
            raise DataError(
                f"{self.path}: {len(self.chosen)} frames, expected one image",
                hint="`crowdkit count` counts each of them; elsewhere save the one to use as a "
                "file of its own (ImageJ: Image > Duplicate)",
            )
        return self.chosen[0]


def one_channel(values: Values, selection: Selection, path: Path) -> Values:
    """The channel of a plain image that a selection asks for, grey; all of it if none.

    Raises:
        DataError: It has no such channel.
    """
    if selection.channel is None:
        return values
    channels = 1 if values.ndim == 2 else values.shape[2]
    number = selection.channel
    if not isinstance(number, int) or not 0 <= number < channels:
        has = "is grey, with channel 0 alone" if channels == 1 else "has channels 0, 1 and 2 (RGB)"
        raise DataError(f"{path}: has no channel {number}; it {has}")
    return values if values.ndim == 2 else values[..., number]
