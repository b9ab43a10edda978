"""Named parts of an image, in which people are counted apart."""

from collections import Counter
from dataclasses import dataclass

from crowdkit_core.errors import DataError, shown
from crowdkit_core.inference.zones.shapes import Shape
from crowdkit_core.interfaces import Size

ELSEWHERE = "elsewhere"
"""The name under which people outside all zones are reported."""

EXCLUDE = "exclude"
"""A zone of this name, or whose name begins with it and a space, is not counted."""

MOST_ZONES = 250
"""A zone is a byte in the map of an image."""


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """A named part of an image.

    Attributes:
        name: Unique within its `Zones`, but for zones that are not counted.
        shape: Its pixels.
    """

    name: str
    shape: Shape

    @property
    def is_excluded(self) -> bool:
        """Whether people in it are not counted anywhere."""
        return self.name == EXCLUDE or self.name.startswith(f"{EXCLUDE} ")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Zones:
    """The zones of images of one camera. Where they overlap, the one named first has the people.

    Attributes:
        source: What messages call them.
        zones: Those that are counted and those that are not, in the order given.
        size: (H, W) of the images they are for; None where nothing says it.

    Raises:
        DataError: There is no zone, too many, one without a name, or two of one name.
    """

    source: str
    zones: tuple[Zone, ...]
    size: Size | None = None

    def __post_init__(self) -> None:
        if not self.zones:
            raise DataError(f"{self.source}: no zones")
        if len(self.zones) > MOST_ZONES:
            raise DataError(f"{self.source}: {len(self.zones)} zones, at most {MOST_ZONES}")
        names = Counter(zone.name for zone in self.zones if not zone.is_excluded)
        for name, number in names.items():
            if not name.strip():
                raise DataError(f"{self.source}: a zone without a name")
            if name == ELSEWHERE:
                raise DataError(
                    f"{self.source}: a zone named {ELSEWHERE!r}, as people outside all zones are",
                    hint="give it another name",
                )
            if number > 1:
                raise DataError(
                    f"{self.source}: {number} zones named {shown(name)}",
                    hint="name them apart; only zones to exclude may share a name",
                )

    @property
    def counted(self) -> tuple[Zone, ...]:
        """The zones in which people are counted."""
        return tuple(zone for zone in self.zones if not zone.is_excluded)

    @property
    def excluded(self) -> tuple[Zone, ...]:
        """The zones in which nobody is counted."""
        return tuple(zone for zone in self.zones if zone.is_excluded)

    def require_size(self, size: Size) -> None:
        """Refuse an image of another size.

        Raises:
            DataError: The zones are for other images.
        """
        if self.size is not None and tuple(self.size) != tuple(size):
            raise DataError(
                f"{self.source}: made for images of {self.size[1]} x {self.size[0]} pixels, "
                f"this one is {size[1]} x {size[0]}"
            )
