"""What to take from files that hold more than one plain image."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which images of a file are counted, and how its values become pixels."""


AS_STORED = Reading()
"""Every file is one plain image."""
