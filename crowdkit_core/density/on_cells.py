"""Gaussians in the units of a map's cells."""

from typing import NamedTuple

from torch import Tensor


class Gaussians(NamedTuple):
    """Separable Gaussians of several images; lengths in cells of their maps.

    Each is cut off at its reach and at its frame, and has mass 1 inside.

    Attributes:
        centres: (M, 2) x and y, float64, inside the frame.
        sigmas: (M,) standard deviations, float64, positive.
        reaches: (M,) half the side of the square outside which nothing is placed, float64.
        image: (M,) the image a point belongs to, ascending.
        frames: (B, 2) widths and heights, float64; the last cell of a frame may be partial.
    """

    centres: Tensor
    sigmas: Tensor
    reaches: Tensor
    image: Tensor
    frames: Tensor

    @property
    def requires_grad(self) -> bool:
        """Whether maps of them need gradients."""
        return self.centres.requires_grad or self.sigmas.requires_grad
