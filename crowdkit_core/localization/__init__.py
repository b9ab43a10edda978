"""Find points in maps."""

from crowdkit_core.localization.local_maxima import LocalMaxima
from crowdkit_core.localization.peaks import find_peaks

__all__ = ["LocalMaxima", "find_peaks"]
