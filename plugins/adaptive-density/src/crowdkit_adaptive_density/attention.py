"""Weigh blurred maps against each other, cell by cell."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from crowdkit_core.errors import IncompatibleError
from crowdkit_core.networks import Normalize, conv_relu_stack

Attention = Literal["self", "image", "none"]
"""What attention is found from: the blurred maps, the image, or nothing: all maps count alike."""


class SelfAttention(nn.Module):
    """C(128,3)-C(32,3)-C(k,3)-Softmax on the blurred maps; Wan and Chan, eq. 5 and table 1.

    Args:
        maps: How many blurred maps.
        channels: Input channels; the blurred maps themselves by default.
    """

    def __init__(self, maps: int, *, channels: int | None = None) -> None:
        super().__init__()
        self.network = nn.Sequential(
            *conv_relu_stack([channels or maps, 128, 32]), nn.Conv2d(32, maps, 3, padding=1)
        )

    def forward(
        self,
        blurred: Float[Tensor, "B k H W"],
        images: Float[Tensor, "B 3 H W"] | None,  # noqa: ARG002  # looks at the maps only
    ) -> Float[Tensor, "B k H W"]:
        """Weights that sum to 1 over the maps of each pixel."""
        return torch.softmax(self.network(blurred), dim=1)


class ImageAttention(SelfAttention):
    """The same network on the image, normalised like ImageNet's.

    Args:
        maps: How many blurred maps.
    """

    def __init__(self, maps: int) -> None:
        super().__init__(maps, channels=3)
        self.normalize = Normalize("imagenet")

    def forward(
        self, blurred: Float[Tensor, "B k H W"], images: Float[Tensor, "B 3 H W"] | None
    ) -> Float[Tensor, "B k H W"]:
        """Weights that sum to 1 over the maps of each pixel.

        Raises:
            IncompatibleError: There are no images.
        """
        if images is None:
            raise IncompatibleError(
                "adaptive-generator attends to images, and was given points alone",
                hint='pass images=..., or use attention = "self"',
            )
        normalized = self.normalize(images.to(blurred.dtype))
        return torch.softmax(self.network(normalized), dim=1)


class NoAttention(nn.Module):
    """The same weight for every map, as of a softmax that has learned nothing.

    Args:
        maps: How many blurred maps.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.maps = maps

    def forward(
        self,
        blurred: Float[Tensor, "B k H W"],
        images: Float[Tensor, "B 3 H W"] | None,  # noqa: ARG002  # looks at nothing
    ) -> Float[Tensor, "B k H W"]:
        """1 / k everywhere."""
        return torch.full_like(blurred, 1 / self.maps)
