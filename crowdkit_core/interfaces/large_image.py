"""The contract of an image that stays in its file."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import UInt8
from torch import Tensor

from crowdkit_core.interfaces.samples import Size


class LargeImage(ABC):
    """An RGB image of which only the parts are read that are asked for.

    It is sliced like the (3, H, W) tensor of a smaller image: ``image[:, top:bottom, left:right]``
    reads that part as (3, h, w) uint8.

    Attributes:
        device: Where parts are read to.
    """

    device: ClassVar[torch.device] = torch.device("cpu")

    @property
    @abstractmethod
    def size(self) -> Size:
        """(H, W) in pixels."""

    @abstractmethod
    def read(self, rows: range, columns: range) -> UInt8[Tensor, "3 h w"]:
        """Read a part.

        Args:
            rows: Of the image, one after the other.
            columns: Likewise.

        Raises:
            DataError: The file is damaged there.
        """

    @abstractmethod
    def resized(self, size: Size) -> "LargeImage":
        """The image in another size, made part by part as well.

        Args:
            size: (H, W) in pixels.
        """

    @property
    def shape(self) -> torch.Size:
        """(3, H, W)."""
        return torch.Size((3, *self.size))

    def __getitem__(self, part: tuple[slice, slice, slice]) -> UInt8[Tensor, "c h w"]:
        channels, rows, columns = part
        height, width = self.size
        return self.read(range(height)[rows], range(width)[columns])[channels]
