"""The counter `vgg19`, with which DM-Count and two other losses were published."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.interfaces import Counter, MapSpec, Prediction
from crowdkit_core.networks import (
    Backbone,
    Normalization,
    Normalize,
    conv_relu_stack,
    crop_map,
    init_normal,
    pad_to_multiple,
)
from crowdkit_core.weights import WeightsFile

STRIDE = 8
_REDUCTION = 16
_HIDDEN = (256, 128)

Activation = Literal["relu", "abs"]
"""Of the last layer."""

Upsampling = Literal["corners", "bilinear", "nearest"]
"""How features are doubled. ``corners`` is bilinear with the corner cells of both maps in one
place, which shifts what lies between by up to a quarter of a feature cell; ``bilinear`` has the
corners of the images in one place."""

Initialization = Literal["torch", "normal"]
"""Of the new layers: torch's own, or normal with deviation 0.01 and biases 0."""


class VGG19(Counter):
    """VGG-19 up to conv5_4, its features doubled, two 3x3 convolutions and a 1x1 output layer.

    Stride 8; 21,499,457 parameters. By default the network of DM-Count (Wang et al., NeurIPS
    2020). That of the Bayesian loss (Ma et al., ICCV 2019) has the activation ``abs``; that of the
    generalized loss (Wan, Liu and Chan, CVPR 2021) ``abs``, ``nearest`` and ``normal``.

    Args:
        backbone: ``vgg19`` as in the papers, or any convolutional timm network with a feature at
            reduction 16.
        pretrained: True fetches the backbone's ImageNet weights; a path reads them from a file;
            False starts at random.
        activation: Of the output.
        upsampling: Of the features. With ``corners`` a cell depends on the size of the image, so
            that tiles are not exact.
        initialization: Of the layers behind the backbone.
        normalization: Of the input.
    """

    outputs: Mapping[str, MapSpec] = {"density": MapSpec("density", STRIDE)}
    size_multiple = _REDUCTION

    def __init__(
        self,
        *,
        backbone: str = "vgg19",
        pretrained: bool | Path = False,
        activation: Activation = "relu",
        upsampling: Upsampling = "corners",
        initialization: Initialization = "torch",
        normalization: Normalization = "imagenet",
    ) -> None:
        super().__init__()
        self.activation: Activation = activation
        self.upsampling: Upsampling = upsampling
        self.normalize = Normalize(normalization)
        self.backbone = Backbone(backbone, reductions=(_REDUCTION,), pretrained=pretrained)
        self.head = conv_relu_stack((self.backbone.channels[0], *_HIDDEN))
        self.output_layer = nn.Conv2d(_HIDDEN[-1], 1, 1)
        if initialization == "normal":
            init_normal(self.head)
            init_normal(self.output_layer)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        (features,) = self.backbone(pad_to_multiple(self.normalize(images), _REDUCTION))
        output = self.output_layer(self.head(_doubled(features, self.upsampling)))
        density = torch.abs(output) if self.activation == "abs" else torch.relu(output)
        return Prediction.from_density(crop_map(density, size, STRIDE), STRIDE)

    @property
    def receptive_field(self) -> int | None:  # type: ignore[override]  # of the backbone's, which may be measured
        """Pixels beyond a cell that can change it; None where its place depends on the image's."""
        if self.upsampling == "corners" or (reach := self.backbone.receptive_field) is None:
            return None
        neighbour = STRIDE if self.upsampling == "bilinear" else 0
        return reach + neighbour + STRIDE + STRIDE * len(_HIDDEN)

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the published layouts: DM-Count's, and that of Bayesian and generalized loss."""
        return {_renamed(key): value for key, value in state.items()}

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Where the output layer is part of the head, the activation is the absolute value.

        The files of the Bayesian and of the generalized loss are alike, so that the ``nearest`` of
        the latter is the caller's to say.
        """
        published = {"activation": "abs"} if "reg_layer.4.weight" in file.state else {}
        return {**published, **super().options_from_weights(file)}


def _doubled(features: Tensor, upsampling: Upsampling) -> Tensor:
    if upsampling == "nearest":
        return F.interpolate(features, scale_factor=2, mode="nearest")
    corners = upsampling == "corners"
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=corners)


_PLACES = {
    r"^features\.(\d+)\.": r"backbone.net.features_\1.",
    r"^(reg_layer\.4|density_layer\.0)\.": "output_layer.",
    r"^reg_layer\.": "head.",
}
"""Where the parts of the published layouts are here."""


def _renamed(key: str) -> str:
    for published, own in _PLACES.items():
        key = re.sub(published, own, key)
    return key
