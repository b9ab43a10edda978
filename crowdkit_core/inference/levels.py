"""What a number of people per square metre means: levels of comfort, and where danger begins.

The levels A to F are those of Fruin, "Pedestrian Planning and Design", 1971, chapter 4, which
states them in square feet a person; at a limit the better level holds. Where people crowd more than
`DENSE`, things get uncomfortable and may become dangerous, says Still (to CNN, 30 October 2022); at
`FLUID` a crowd becomes almost a fluid mass, says Fruin, "The Causes and Prevention of Crowd
Disasters", 1993. All are rules of thumb for crowds of adults, none is a guarantee.
"""

from dataclasses import dataclass
from typing import Self

SQUARE_FOOT = 0.3048**2
"""In square metres."""

WALKWAY = {"A": 35, "B": 25, "C": 15, "D": 10, "E": 5}
"""Square feet a person at least, of people who walk; F below."""

QUEUEING = {"A": 13, "B": 10, "C": 7, "D": 3, "E": 2}
"""Square feet a person at least, of people who stand and wait; F below."""

DENSE = 5.0
"""Persons per square metre above which it may become dangerous."""

FLUID = 7.0
"""Persons per square metre from which a crowd moves almost like a fluid."""


@dataclass(frozen=True, slots=True)
class CrowdLevel:
    """How crowded a place is.

    Attributes:
        walkway: Fruin's level of service where people walk, A to F.
        queueing: The same where they stand and wait.
        danger: Empty, ``dense`` or ``fluid``.

    Example:
        >>> print(CrowdLevel.of(0.5)), print(CrowdLevel.of(5.5))
        walkway C, queueing A
        walkway F, queueing F, dangerous
        (None, None)
    """

    walkway: str
    queueing: str
    danger: str

    @classmethod
    def of(cls, per_square_metre: float) -> Self:
        """The level of so many people per square metre."""
        danger = "fluid" if per_square_metre >= FLUID else "dense"
        return cls(
            walkway=_service(per_square_metre, WALKWAY),
            queueing=_service(per_square_metre, QUEUEING),
            danger=danger if per_square_metre > DENSE else "",
        )

    def __str__(self) -> str:
        said = f"walkway {self.walkway}, queueing {self.queueing}"
        words = {"": "", "dense": ", dangerous", "fluid": ", dangerous like a fluid"}
        return said + words[self.danger]


def _service(per_square_metre: float, limits: dict[str, int]) -> str:
    """The first level that leaves no more room than there is."""
    fits = (
        name
        for name, square_feet in limits.items()
        if per_square_metre * square_feet * SQUARE_FOOT <= 1
    )
    return next(fits, "F")
