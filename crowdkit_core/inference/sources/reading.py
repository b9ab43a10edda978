"""What to take from files that hold more than one plain image."""

from dataclasses import dataclass

from crowdkit_core.inference.sources.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which images of a file are counted, and how its values become pixels.

    Attributes:
        every: From one counted frame of a clip or stream to the next; None counts them all.
    """

    every: Span | None = None


AS_STORED = Reading()
"""Every file is one plain image."""
