"""Zones and the ground of a photo, as they are drawn by clicks."""

from dataclasses import dataclass, replace

import numpy as np

from crowdkit_core.errors import UsageError
from crowdkit_core.inference import Ground, Zone, Zones
from crowdkit_core.inference.zones.shapes import Polygons

Corner = tuple[float, float]
"""(x, y) in pixels of the photo, corner convention."""

FEWEST_CORNERS = 3
GROUND_CORNERS = 4


@dataclass(frozen=True, slots=True)
class DrawnZone:
    """A finished zone.

    Attributes:
        name: As the visitor calls it.
        corners: At least three, in order.
    """

    name: str
    corners: tuple[Corner, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What is drawn on a photo beside its dots.

    Attributes:
        zones: Finished zones.
        begun: Corners of a zone that is not finished.
        ground: Up to four corners of a rectangle on the ground, in order round it.
        length: Metres from the first of them to the second.
        width: Metres from the second to the third.
    """

    zones: tuple[DrawnZone, ...] = ()
    begun: tuple[Corner, ...] = ()
    ground: tuple[Corner, ...] = ()
    length: float | None = None
    width: float | None = None

    def with_corner(self, corner: Corner) -> "Places":
        """With one more corner of the zone that is being drawn."""
        return replace(self, begun=(*self.begun, corner))

    def with_zone(self, name: str) -> "Places":
        """With the begun zone finished.

        Raises:
            UsageError: It has fewer than three corners, or the name is taken or empty.
        """
        name = name.strip()
        if len(self.begun) < FEWEST_CORNERS:
            raise UsageError(
                f"a zone needs {FEWEST_CORNERS} corners, this one has {len(self.begun)}",
                hint="click the corners in the picture, one after the other",
            )
        if not name:
            raise UsageError("a zone needs a name")
        if name in {zone.name for zone in self.zones}:
            raise UsageError(f"there is a zone named {name!r} already")
        zone = DrawnZone(name, self.begun)
        return replace(self, zones=(*self.zones, zone), begun=())

    def without_zone(self, name: str) -> "Places":
        """Without the zone of a name."""
        return replace(self, zones=tuple(zone for zone in self.zones if zone.name != name))

    def with_ground_corner(self, corner: Corner) -> "Places":
        """With one more corner on the ground; a fifth one begins anew."""
        kept = self.ground if len(self.ground) < GROUND_CORNERS else ()
        return replace(self, ground=(*kept, corner))

    def undone(self) -> "Places":
        """Without the corner of a zone that was clicked last."""
        return replace(self, begun=self.begun[:-1])

    @property
    def next_name(self) -> str:
        """A name for the next zone that is still free."""
        taken = {zone.name for zone in self.zones}
        numbers = range(1, len(taken) + 2)
        return next(name for name in map("zone {}".format, numbers) if name not in taken)

    def as_zones(self) -> Zones | None:
        """What the counter takes; None without a finished zone.

        Raises:
            DataError: A name has a meaning of its own.
        """
        if not self.zones:
            return None
        drawn = tuple(
            Zone(zone.name, Polygons(((np.asarray(zone.corners, dtype=np.float64),),)))
            for zone in self.zones
        )
        return Zones(source="zones drawn here", zones=drawn)

    def as_ground(self) -> Ground | None:
        """The plane through the corners; None before all of them and both lengths are given.

        Raises:
            DataError: The corners lie in a line, or in another order than round a rectangle.
        """
        if len(self.ground) < GROUND_CORNERS or not self.length or not self.width:
            return None
        metres = [(0.0, 0.0), (self.length, 0.0), (self.length, self.width), (0.0, self.width)]
        return Ground.from_points(self.ground, metres, source="four points on the ground")
