"""The counter `can`: a front end, context at four scales, and dilated convolutions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from crowdkit_can.context import SIZES, SeparateContext, SharedContext
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

# Of the published layout with a context network for each scale.
_SEPARATE_KEYS = {
    f"conv{size}_{part}.weight": f"context.{own.format(index)}.weight"
    for index, size in enumerate(SIZES)
    for part, own in ((1, "scales.{}.1"), (2, "weight_nets.{}"))
}


class CAN(Counter):
    """VGG-16 up to conv4_3, context at four scales, six dilated convolutions, an output layer.

    Stride 8; 18,103,489 parameters with shared context, 20,719,937 with separate. Context is
    averaged over the whole image (padding to a multiple of 8 included), so a cell depends on
    every pixel. The map has no final activation, so cells may be slightly negative.

    Reference: Liu, Salzmann and Fua, "Context-Aware Crowd Counting", CVPR 2019. The networks are
    the two that were published: the authors' for ShanghaiTech B, and the reimplementation for
    ShanghaiTech A that the authors point to.

    Args:
        context: ``shared`` as the authors released it: one network weighs all scales, a 1x1
            convolution mixes context and features, and the back end normalises batches.
            ``separate`` as in the reimplementation: a network for each scale, context appended
            to the features, no normalisation.
        backbone: ``vgg16`` as in the paper, or any convolutional timm network with a feature at
            reduction 8.
        pretrained: True fetches the backbone's ImageNet weights; a path reads them from a file;
            False starts at random.
        normalization: Of the input.
        output_scale: Persons per cell that an output of 1 stands for.
    """

    outputs: Mapping[str, MapSpec] = {"density": MapSpec("density", STRIDE)}
    size_multiple = STRIDE

    def __init__(
        self,
        *,
        context: Literal["shared", "separate"] = "shared",
        backbone: str = "vgg16",
        pretrained: bool | Path = False,
        normalization: Normalization = "imagenet",
        output_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.output_scale = output_scale
        self.normalize = Normalize(normalization)
        self.backbone = Backbone(backbone, reductions=(STRIDE,), pretrained=pretrained)
        shared = context == "shared"
        self.context = (SharedContext if shared else SeparateContext)(self.backbone.channels[0])
        widths = (self.context.out_channels, *_BACK_END)
        self.backend = conv_relu_stack(widths, dilation=_DILATION)
        if shared:
            self.backend = _batch_normalized(self.backend)
        self.output_layer = nn.Conv2d(_BACK_END[-1], 1, 1)
        for part in (self.context, self.backend, self.output_layer):
            init_normal(part)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        (features,) = self.backbone(pad_to_multiple(self.normalize(images), STRIDE))
        density = self.output_layer(self.backend(self.context(features))) * self.output_scale
        return Prediction.from_density(crop_map(density, size, STRIDE), STRIDE)

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept both published layouts (``frontend.0.weight``)."""
        published = {**vgg16_keys("frontend"), **_SEPARATE_KEYS}
        bare = strip_prefixes(state, "module.")
        return {published.get(key, key): value for key, value in bare.items()}

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Shared or separate context by the keys."""
        separate = "context.weight_nets.0.weight" in cls.translate_keys(file.state)
        context = {"context": "separate" if separate else "shared"}
        return {**context, **super().options_from_weights(file)}


def _batch_normalized(stack: nn.Sequential) -> nn.Sequential:
    """Normalise batches after each convolution of a stack."""
    layers: list[nn.Module] = []
    for layer in stack:
        layers.append(layer)
        if isinstance(layer, nn.Conv2d):
            layers.append(nn.BatchNorm2d(layer.out_channels))
    return nn.Sequential(*layers)
