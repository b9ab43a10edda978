"""Images larger than memory: read in parts, in any size."""

from crowdkit_core.data.large.opening import SLIDE_SUFFIXES, is_slide, open_large

__all__ = ["SLIDE_SUFFIXES", "is_slide", "open_large"]
