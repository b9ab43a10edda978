"""The counter `fcn7`: seven plain convolutions."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.transforms.v2.functional import rgb_to_grayscale

from crowdkit_core.interfaces import Counter, MapSpec, Prediction
from crowdkit_core.networks import Normalization, Normalize, crop_map, init_kaiming, pad_to_multiple
from crowdkit_core.weights import WeightsFile

STRIDE = 4
_KERNEL_SIZE = 5
_CHANNELS = (16, 16, 32, 32, 64, 32)
_POOLED = (1, 3)  # indices of the layers a pooling follows
_NORMALIZED = (0, 1, 2, 3)  # of those that may have their responses normalised


class FCN7(Counter):
    """Seven 5x5 convolutions and two poolings.

    Stride 4; 149,393 parameters on RGB and 148,593 on grey images. 16, 16, pooling, 32, 32,
    pooling, 64, 32 and 1 channels, each convolution followed by a ReLU.

    Reference: the counter "FCN-7c" of Kang and Chan, "Crowd Counting by Adaptively Fusing
    Predictions from an Image Pyramid", BMVC 2018, without image pyramid and fusion, as Wan and
    Chan (ICCV 2019) use it. The layers are those of the "FCN-7" that the same group published
    with Zhang and Chan (CVPR 2019); they are not verified against the BMVC paper itself.

    Args:
        in_channels: 3 looks at RGB; 1 at the luminance, as the published code does.
        normalization: Of the RGB image, before its luminance is taken.
        response_normalization: Divide the responses of the first four layers by those of
            neighbouring channels, as the published code does.
        output_activation: ``relu`` is the published one. An output layer that is negative
            everywhere no longer learns, which ``relu`` is guarded against at the start, and
            ``none`` for good.
        output_scale: Persons per cell that an output of 1 stands for. Small, so that weights of
            ordinary size give the small numbers of a density map.
    """

    outputs: Mapping[str, MapSpec] = {"density": MapSpec("density", STRIDE)}
    size_multiple = STRIDE
    receptive_field = 36  # two pixels a convolution: 2 * 2 + 2 * 4 + 3 * 8

    def __init__(
        self,
        *,
        in_channels: Literal[1, 3] = 3,
        normalization: Normalization = "imagenet",
        response_normalization: bool = False,
        output_activation: Literal["none", "relu"] = "none",
        output_scale: float = 0.01,
    ) -> None:
        super().__init__()
        self.grey = in_channels == 1
        self.output_scale = output_scale
        self.normalize = Normalize(normalization)
        self.layers = _layers(in_channels, response_normalization=response_normalization)
        self.output_layer = nn.Sequential(_conv(_CHANNELS[-1], 1))
        init_kaiming(self)
        if output_activation == "relu":
            _start_positive(self.output_layer)
            self.output_layer.append(nn.ReLU())

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        images = self.normalize(images)
        if self.grey:
            images = rgb_to_grayscale(images)
        features = self.layers(pad_to_multiple(images, STRIDE))
        density = self.output_layer(features) * self.output_scale
        return Prediction.from_density(crop_map(density, size, STRIDE), STRIDE)

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Grey or RGB by the first convolution."""
        first = file.state.get("layers.0.weight")
        grey = {} if first is None else {"in_channels": first.shape[1]}
        return {**super().options_from_weights(file), **grey}


def _layers(in_channels: int, *, response_normalization: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index, channels in enumerate(_CHANNELS):
        layers.append(_conv(in_channels, channels))
        if index in _POOLED:
            layers.append(nn.MaxPool2d(2))  # before the ReLU, with the same result in less time
        layers.append(nn.ReLU(inplace=True))
        if response_normalization and index in _NORMALIZED:
            # Five neighbours on either side; torch divides alpha by the size of the window.
            layers.append(nn.LocalResponseNorm(11, alpha=0.11, beta=0.75, k=1))
        in_channels = channels
    return nn.Sequential(*layers)


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, _KERNEL_SIZE, padding=_KERNEL_SIZE // 2)


def _start_positive(layer: nn.Module) -> None:
    """Start above zero nearly everywhere: at half the usual deviation, about 2.

    With zero bias, some draws are negative for every image from the start and never learn.
    """
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.fill_(2) if name.endswith("bias") else parameter.mul_(0.5)
