"""The counter `sfcn`: a front end, dilated convolutions, and spatial convolutions."""

import re
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
from crowdkit_sfcn.spatial import SpatialConvolution

STRIDE = 8
_BACK_END = (512, 512, 512, 256, 128, 64)
_DILATION = 2
_OUTPUT_AT_START = 0.1

# Of the published layout; what comes under ``frontend`` in the one with VGG-16 is `vgg16_keys`.
_OWN_NAMES = {
    "frontend.0": "backbone.net.conv1",
    "frontend.1": "backbone.net.bn1",
    "frontend.4": "backbone.net.layer1",
    "frontend.5": "backbone.net.layer2",
    "own_reslayer_3": "backbone.net.layer3",
    "convDU.conv.0": "down_up.conv",
    "convLR.conv.0": "left_right.conv",
}


class SFCN(Counter):
    """A front end, six convolutions with dilation 2, spatial convolutions and an output layer.

    Stride 8; 16,337,345 parameters with the VGG-16 front end, 38,596,801 with ResNet-101
    (SFCN+). The spatial convolutions pass messages down, up, right and left over the whole map,
    so a cell may depend on every pixel.

    Reference: Wang, Gao, Lin and Yuan, "Learning from Synthetic Data for Crowd Counting in the
    Wild", CVPR 2019.

    Args:
        backbone: ``vgg16`` is cut after conv4_3; ``resnet101``, like any plain ResNet of timm,
            after its third stage, which is kept from halving the resolution; any other
            convolutional timm network at reduction 8.
        pretrained: True fetches the backbone's ImageNet weights; a path reads them from a file;
            False starts at random.
        normalization: ``imagenet``, or of the data set that published weights were trained on.
        output_scale: Persons per cell that an output of 1 stands for. The published networks
            learn 100 times the persons per pixel, 0.64 persons per cell.
    """

    outputs: Mapping[str, MapSpec] = {"density": MapSpec("density", STRIDE)}
    size_multiple = STRIDE

    def __init__(
        self,
        *,
        backbone: str = "vgg16",
        pretrained: bool | Path = False,
        normalization: Normalization = "imagenet",
        output_scale: float = STRIDE**2 / 100,
    ) -> None:
        super().__init__()
        self.output_scale = output_scale
        self.normalize = Normalize(normalization)
        self.backbone = _front_end(backbone, pretrained)
        self.backend = conv_relu_stack((self.backbone.channels[0], *_BACK_END), dilation=_DILATION)
        self.down_up = SpatialConvolution(_BACK_END[-1], "rows")
        self.left_right = SpatialConvolution(_BACK_END[-1], "columns")
        output_layer = nn.Conv2d(_BACK_END[-1], 1, 1)
        self.output_layer = nn.Sequential(output_layer, nn.ReLU())
        for part in (self.backend, self.down_up, self.left_right, self.output_layer):
            init_normal(part)
        # The last ReLU begins open: where it is closed for every image, nothing is learnt.
        nn.init.constant_(output_layer.get_parameter("bias"), _OUTPUT_AT_START)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        (features,) = self.backbone(pad_to_multiple(self.normalize(images), STRIDE))
        features = self.left_right(self.down_up(self.backend(features)))
        density = self.output_layer(features) * self.output_scale
        return Prediction.from_density(crop_map(density, size, STRIDE), STRIDE)

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the published layouts (``convDU.conv.0.weight``), also under ``CCN.``."""
        bare = _bare(state)
        published = {} if _has_resnet(bare) else vgg16_keys("frontend")
        return {published.get(key) or _own_key(key): value for key, value in bare.items()}

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Front end by the layout; published ones learn 100 times the persons per pixel."""
        bare = _bare(file.state)
        if "convDU.conv.0.weight" not in bare:
            return super().options_from_weights(file)
        return {
            "backbone": "resnet101" if _has_resnet(bare) else "vgg16",
            "normalization": "shanghaitech-a",
            "output_scale": STRIDE**2 / 100,
        }


def _front_end(name: str, pretrained: bool | Path) -> Backbone:
    if not re.fullmatch(r"resnet\d+(\..+)?", name):
        return Backbone(name, reductions=(STRIDE,), pretrained=pretrained)
    backbone = Backbone(name, reductions=(2 * STRIDE,), pretrained=pretrained)
    for layer in backbone.net.layer3.modules():
        if isinstance(layer, nn.Conv2d):
            layer.stride = (1, 1)
    backbone.reductions = (STRIDE,)
    return backbone


def _bare(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return strip_prefixes(state, "CCN.", "module.")


def _has_resnet(state: Mapping[str, Tensor]) -> bool:
    return any(key.startswith("own_reslayer_3.") for key in state)


def _own_key(key: str) -> str:
    for published, own in _OWN_NAMES.items():
        if key.startswith(f"{published}."):
            return own + key.removeprefix(published)
    return key
