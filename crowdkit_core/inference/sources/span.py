"""A stretch of a clip, written as people write it: 1s, 500ms, 2min, 5f."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Self

from crowdkit_core.errors import UsageError

_FORM = re.compile(r"(?P<amount>\d+(\.\d*)?|\.\d+)\s*(?P<unit>[a-z]*)", re.ASCII)
_SECONDS = {
    **dict.fromkeys(("", "s", "sec"), Fraction(1)),
    "ms": Fraction(1, 1000),
    "min": Fraction(60),
    "h": Fraction(3600),
}
_FRAMES = frozenset({"f", "frame", "frames"})


@dataclass(frozen=True, slots=True)
class Span:
    """So much time, or so many frames.

    Attributes:
        length: Greater than 0; whole where frames are meant.
        unit: Of what.
    """

    length: Fraction
    unit: Literal["seconds", "frames"]

    @classmethod
    def of(cls, value: "Span | float | str", name: str) -> Self:
        """Seconds as a number, or a text such as ``1s``, ``500ms``, ``2min`` or ``5f``.

        Args:
            value: A text without a unit is seconds, too.
            name: What messages call it.

        Raises:
            UsageError: It is none, or not greater than 0.

        Example:
            >>> Span.of("500ms", "every") == Span.of(0.5, "every")
            True
            >>> Span.of("5f", "every").unit
            'frames'
        """
        if isinstance(value, Span):
            return cls(value.length, value.unit)
        found = _FORM.fullmatch(str(value).strip().lower())
        if found is None or not (found["unit"] in _SECONDS or found["unit"] in _FRAMES):
            raise _refused(value, name)
        in_frames = found["unit"] in _FRAMES
        length = Fraction(found["amount"]) * (1 if in_frames else _SECONDS[found["unit"]])
        if length <= 0 or (in_frames and length.denominator != 1):
            raise _refused(value, name)
        return cls(length, "frames" if in_frames else "seconds")


class Due:
    """Says of frames in their order which are taken: the first one at or after each step.

    A step without a frame is passed over, so no frame stands for two.

    Example:
        >>> due = Due(Span.of("1s", "every"))
        >>> [due(number, Fraction(number, 2)) for number in range(4)]
        [True, False, True, False]

    Args:
        every: How far it is from one to the next; None takes all.
    """

    def __init__(self, every: Span | None) -> None:
        self._every = every
        self._next = Fraction(0)

    def __call__(self, number: int, time: Fraction) -> bool:
        """Whether the frame of this number and time in seconds is taken."""
        if self._every is None:
            return True
        place = time if self._every.unit == "seconds" else Fraction(number)
        if place < self._next:
            return False
        self._next = (place // self._every.length + 1) * self._every.length
        return True


def _refused(value: object, name: str) -> UsageError:
    return UsageError(
        f"{name} {value!r}: expected a time greater than 0 such as 1s, 500ms or 2min, "
        "or a number of frames such as 5f"
    )
