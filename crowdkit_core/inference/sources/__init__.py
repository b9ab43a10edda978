"""What people point a counter at: files of one image, and of many."""

from crowdkit_core.inference.sources.images_in import images_in, one_image
from crowdkit_core.inference.sources.reading import AS_STORED, Reading

__all__ = ["AS_STORED", "Reading", "images_in", "one_image"]
