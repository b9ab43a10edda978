"""The counter `rdcc`: a VGG-16 front end, brought back to stride 2."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from crowdkit_core.interfaces import Counter, MapSpec, Prediction
from crowdkit_core.networks import (
    Backbone,
    Normalization,
    Normalize,
    crop_map,
    init_normal,
    pad_to_multiple,
)
from crowdkit_core.weights import WeightsFile

STRIDE = 2
LOW_STRIDE = 4
LOW = "low_resolution"
_FRONT_STRIDE = 8
_CHANNELS = {LOW_STRIDE: 256, STRIDE: 128}  # after each transposed convolution
_REACH = 14  # of everything after the front end, beyond a cell, in pixels


class RDCC(Counter):
    """VGG-16 up to conv4_3, two transposed convolutions, and a head at strides 2 and 4.

    10,626,114 parameters with the VGG-16 front end, 10,330,945 without the low-resolution branch.
    The count is the sum of the map at stride 2; the map at stride 4, ``low_resolution``, is there
    to be supervised as well (eq. 1: the loss ``mse`` with ``auxiliary = true``). Neither has a
    final activation, so cells may be slightly negative.

    Reference: Gu and Liu, "Recurrent Distillation based Crowd Counting", arXiv 2006.07755,
    section III-A and Fig. 1. The paper gives output sizes as shares of the image's area, 1/4 and
    1/16, which are strides 2 and 4 (its Table I lists CSRNet, of stride 8, as 1/64). It prints
    neither the channels after the front end nor the layers of the high-resolution head: 256 and
    128 channels from 4x4 transposed convolutions with stride 2, then a 3x3 and a 1x1 convolution
    in each head are our reading. "We do not normalize the input image" is read as images that
    keep their sizes; ``normalization = "none"`` is the other reading.

    Args:
        low_resolution: Whether to build the branch at stride 4; False is the paper's
            "single loss".
        backbone: ``vgg16`` as in the paper, or any convolutional timm network with a feature at
            reduction 8.
        pretrained: True fetches the backbone's ImageNet weights; a path reads them from a file;
            False starts at random.
        normalization: Of the RGB image.
    """

    size_multiple = _FRONT_STRIDE

    def __init__(
        self,
        *,
        low_resolution: bool = True,
        backbone: str = "vgg16",
        pretrained: bool | Path = False,
        normalization: Normalization = "imagenet",
    ) -> None:
        super().__init__()
        self.outputs: Mapping[str, MapSpec] = {"density": MapSpec("density", STRIDE)}
        low, high = _CHANNELS[LOW_STRIDE], _CHANNELS[STRIDE]
        self.normalize = Normalize(normalization)
        self.backbone = Backbone(backbone, reductions=(_FRONT_STRIDE,), pretrained=pretrained)
        self.to_low = _doubling(self.backbone.channels[0], low)
        self.to_high = _doubling(low, high)
        self.high_head = _head(high, high // 2)
        self.low_head = _head(low, low // 2) if low_resolution else None
        if low_resolution:
            self.outputs = {**self.outputs, LOW: MapSpec("density", LOW_STRIDE)}
        for name, part in self.named_children():
            if name != "backbone":
                init_normal(part)
        reach = self.backbone.receptive_field
        self.receptive_field = None if reach is None else reach + _REACH

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        (features,) = self.backbone(pad_to_multiple(self.normalize(images), _FRONT_STRIDE))
        low = self.to_low(features)
        density = crop_map(self.high_head(self.to_high(low)), size, STRIDE)
        maps = {}
        if self.low_head is not None:
            maps[LOW] = crop_map(self.low_head(low), size, LOW_STRIDE)
        return Prediction.from_density(density, STRIDE, maps=maps)

    def without_unused(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Leave out the low-resolution branch where this network has none."""
        unused = () if self.low_head is not None else ("low_head.",)
        return {key: value for key, value in state.items() if not key.startswith(unused)}

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """The low-resolution branch is there if its weights are."""
        found = any(key.startswith("low_head.") for key in file.state)
        return {"low_resolution": found, **super().options_from_weights(file)}


def _doubling(channels: int, out_channels: int) -> nn.Sequential:
    """A transposed convolution that doubles the resolution."""
    return nn.Sequential(
        nn.ConvTranspose2d(channels, out_channels, 4, stride=2, padding=1), nn.ReLU(inplace=True)
    )


def _head(channels: int, hidden: int) -> nn.Sequential:
    """Features to persons per cell."""
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(hidden, 1, 1)
    )
