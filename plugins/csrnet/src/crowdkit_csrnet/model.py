"""The counter `csrnet`: a front end, and dilated convolutions that keep its resolution."""

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
    conv_relu_stack,
    crop_map,
    init_normal,
    pad_to_multiple,
    vgg16_keys,
)
from crowdkit_core.weights import WeightsFile, strip_prefixes

STRIDE = 8
_BACK_END = (512, 512, 512, 256, 128, 64)
_DILATION = 2


class CSRNet(Counter):
    """VGG-16 up to conv4_3, six convolutions with dilation 2, and a 1x1 output layer.

    Stride 8; 16,263,489 parameters with the VGG-16 front end. The paper's configuration B. The
    map has no final activation, so cells may be slightly negative.

    Reference: Li, Zhang and Chen, "CSRNet: Dilated Convolutional Neural Networks for
    Understanding the Highly Congested Scenes", CVPR 2018, Table 3.

    Args:
        backbone: ``vgg16`` as in the paper, or any convolutional timm network with a feature at
            reduction 8.
        pretrained: True fetches the backbone's ImageNet weights; a path reads them from a file;
            False starts at random.
        normalization: ``imagenet`` as the published training code; some published weights want
            ``csrnet`` (a mean subtracted from 0..255).
        output_scale: Persons per cell that an output of 1 stands for.
    """

    outputs: Mapping[str, MapSpec] = {"density": MapSpec("density", STRIDE)}
    size_multiple = STRIDE

    def __init__(
        self,
        *,
        backbone: str = "vgg16",
        pretrained: bool | Path = False,
        normalization: Normalization = "imagenet",
        output_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.output_scale = output_scale
        self.normalize = Normalize(normalization)
        self.backbone = Backbone(backbone, reductions=(STRIDE,), pretrained=pretrained)
        self.backend = conv_relu_stack((self.backbone.channels[0], *_BACK_END), dilation=_DILATION)
        self.output_layer = nn.Conv2d(_BACK_END[-1], 1, 1)
        init_normal(self.backend)
        init_normal(self.output_layer)
        self.receptive_field = _receptive_field(self.backbone)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        (features,) = self.backbone(pad_to_multiple(self.normalize(images), STRIDE))
        density = self.output_layer(self.backend(features)) * self.output_scale
        return Prediction.from_density(crop_map(density, size, STRIDE), STRIDE)

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the published layout (``frontend.0.weight``), also under ``CCN.``."""
        published = vgg16_keys("frontend")
        bare = strip_prefixes(state, "CCN.", "module.")
        return {published.get(key, key): value for key, value in bare.items()}

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Under ``CCN.``, trained on 100 times the persons per pixel, its map enlarged 8 x 8."""
        enlarged = any(key.startswith("CCN.") for key in file.state)
        published = {"normalization": "shanghaitech-a", "output_scale": STRIDE**2 / 100}
        return {**(published if enlarged else {}), **super().options_from_weights(file)}


def _receptive_field(backbone: Backbone) -> int | None:
    reach = backbone.receptive_field
    return None if reach is None else reach + STRIDE * _DILATION * len(_BACK_END)
