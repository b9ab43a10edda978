"""Several named parts of an image at once, and their area on the ground."""

from crowdkit_core.inference.zones.counting import CountedZone, count_zones
from crowdkit_core.inference.zones.division import Division, divide, divided
from crowdkit_core.inference.zones.ground_density import ground_density
from crowdkit_core.inference.zones.reading import ZonesLike, as_zones, read_zones
from crowdkit_core.inference.zones.zone import ELSEWHERE, EXCLUDE, Zone, Zones

__all__ = [
    "ELSEWHERE",
    "EXCLUDE",
    "CountedZone",
    "Division",
    "Zone",
    "Zones",
    "ZonesLike",
    "as_zones",
    "count_zones",
    "divide",
    "divided",
    "ground_density",
    "read_zones",
]
