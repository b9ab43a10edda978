"""Find points in maps."""

from crowdkit_core.localization.local_maxima import LocalMaxima
from crowdkit_core.localization.peaks import find_peaks
from crowdkit_core.localization.suppression import suppress_near
from crowdkit_core.localization.tried import Tried, tried_values

__all__ = ["LocalMaxima", "Tried", "find_peaks", "suppress_near", "tried_values"]
