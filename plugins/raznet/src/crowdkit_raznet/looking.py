"""Show images to the networks in as little memory as their answers allow."""

from torch import Tensor

from crowdkit_core.inference.tiles import TiledLook, tile_within
from crowdkit_core.interfaces import Counter

WHOLE_PIXELS = 1536 * 1536
"""Images and enlarged regions of more pixels than these are seen in tiles."""


def look(network: Counter, image: Tensor) -> dict[str, Tensor]:
    """Every map of a (3, H, W) image, in tiles where it is large.

    The networks are convolutional: with their receptive field as halo, tiles give the maps of the
    whole image, to rounding.
    """
    height, width = image.shape[-2:]
    large = height * width > WHOLE_PIXELS
    side = tile_within(network, WHOLE_PIXELS) if large else max(height, width)
    return TiledLook(side)(network, image)
