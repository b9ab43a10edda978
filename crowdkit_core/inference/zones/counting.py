"""Share out the people of one image among its zones."""

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.inference.levels import CrowdLevel
from crowdkit_core.inference.zones.division import Division
from crowdkit_core.inference.zones.zone import ELSEWHERE
from crowdkit_core.interfaces import LocalizedPoints

OUTLINED = 1 << 28
"""Most pixels of an outline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedZone:
    """The people of one zone, or of what is elsewhere.

    A zone has no interval: an interval is made of whole images, and errors of parts are neither
    those of wholes nor independent of each other.

    Attributes:
        name: Of the zone; ``elsewhere`` for what is outside all zones.
        count: People in it. Over all zones and elsewhere they add up to the count of the image.
        points_found: Points in it; None where nothing looks for them.
        area_pixels: Pixels that are its own.
        square_metres: Its area on the ground; None without a ground, and for an elsewhere that
            reaches the horizon.
        division: How the image is divided.
        number: Its own in the division.
    """

    name: str
    count: float
    points_found: int | None
    area_pixels: int
    square_metres: float | None
    division: Division = field(repr=False, compare=False)
    number: int = field(repr=False)

    def __str__(self) -> str:
        """``gate: 43``, or ``gate: 43, 2.1 per m²`` where its area is known."""
        said = f"{self.name}: {max(round(self.count), 0)}"
        if self.per_square_metre is None:
            return said
        return f"{said}, {self.per_square_metre:.2g} per m²"

    @property
    def per_square_metre(self) -> float | None:
        """People per square metre; None without an area."""
        return None if not self.square_metres else self.count / self.square_metres

    @property
    def level(self) -> CrowdLevel | None:
        """How crowded it is, of people; None without an area."""
        density = self.per_square_metre
        return None if density is None else CrowdLevel.of(density)

    @property
    def outline(self) -> Bool[Tensor, "H W"]:
        """(H, W) bool, True at the pixels that are its own.

        Of an image of more than 268 megapixels it has every second pixel of every second row, or
        every third, and so on.
        """
        return self.division.outline(self.number, most=OUTLINED)


def count_zones(
    division: Division,
    count: float,
    density: Float[Tensor, "h w"] | None,
    stride: int | None,
    points: LocalizedPoints | None,
) -> tuple[CountedZone, ...]:
    """Share out a count.

    A cell of the map that borders cut is shared by area. What a count of its own has more or less
    than the map adds up to is shared as the map's magnitudes are.

    Args:
        division: How the image is divided.
        count: People where people are counted.
        density: Persons per cell of the whole image; None where everyone is elsewhere, and where
            the points are what is counted.
        stride: Pixels per cell side.
        points: Where people are.

    Returns:
        Elsewhere first, then the zones.
    """
    names = (ELSEWHERE, *division.names)
    found = None
    if points is not None:
        found = np.bincount(division.owners.at(points.xy), minlength=len(names))
    if density is not None and stride is not None:
        people = _shared_out(count, density, division, stride)
    elif found is not None and division.names:
        people = found.astype(np.float64)
    else:
        people = np.array([count])
    return tuple(
        CountedZone(
            name=name,
            count=float(people[number]),
            points_found=None if found is None else int(found[number]),
            area_pixels=division.pixels[number],
            square_metres=_area(division, number),
            division=division,
            number=number,
        )
        for number, name in enumerate(names)
    )


def _shared_out(
    count: float, density: Tensor, division: Division, stride: int
) -> NDArray[np.float64]:
    cells = density.cpu().float().numpy()
    people, magnitudes = division.sums(cells, stride), division.sums(np.abs(cells), stride)
    if magnitudes.sum() == 0:
        magnitudes[0] = 1.0
    people += (count - people.sum()) * magnitudes / magnitudes.sum()
    return people


def _area(division: Division, number: int) -> float | None:
    if division.square_metres is None or math.isnan(division.square_metres[number]):
        return None
    return division.square_metres[number]
