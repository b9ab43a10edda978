"""What one visitor may ask of the machine."""

from dataclasses import dataclass

MEGA = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is taken from a visitor, and for how long it is kept.

    Attributes:
        megapixels: Of one photo, or one frame of a clip, at most.
        megabytes: Of one file at most.
        files: Photos that a visitor has here at once; the frames of a clip count one each.
        minutes: After so long without a visit, the uploads of a visitor are removed.
        visitors: Visitors whose uploads are here at once.
    """

    megapixels: float = 64.0
    megabytes: float = 200.0
    files: int = 50
    minutes: float = 30.0
    visitors: int = 20

    @property
    def bytes(self) -> int:
        """Of one file at most."""
        return round(self.megabytes * MEGA)
