"""Images that somebody corrected, on disk as a data set `folder`."""

from crowdkit_core.data.corrections.store import Correction, Corrections

__all__ = ["Correction", "Corrections"]
