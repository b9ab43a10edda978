"""The counter `mcnn`: the multi-column network, and its published layouts."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.transforms.v2.functional import rgb_to_grayscale

from crowdkit_core.interfaces import Counter, MapSpec, Prediction
from crowdkit_core.networks import Normalization, Normalize, crop_map, init_kaiming, pad_to_multiple
from crowdkit_core.weights import WeightsFile, strip_prefixes

STRIDE = 4

# Kernel sizes and channels of each column's four convolutions.
_COLUMNS = {
    "branch1": ((9, 7, 7, 7), (16, 32, 16, 8)),
    "branch2": ((7, 5, 5, 5), (20, 40, 20, 10)),
    "branch3": ((5, 3, 3, 3), (24, 48, 24, 12)),
}
# Two published layouts count a convolution and its ReLU as one module.
_FUSED_INDEX = {"0": "0", "2": "3", "4": "6", "5": "8"}


class MCNN(Counter):
    """Three columns of convolutions with large, medium and small kernels for heads of all sizes.

    Stride 4; 127,953 parameters on grey images and 133,705 on RGB. Each column sees the image
    through two poolings; their 30 channels are fused to a density map by a 1x1 convolution.

    Reference: Zhang et al., "Single-Image Crowd Counting via Multi-Column Convolutional Neural
    Network", CVPR 2016, Figure 3.

    Args:
        in_channels: 1 looks at the luminance, as the paper does; 3 at RGB.
        normalization: Of the RGB image, before its luminance is taken. The published networks
            take raw ``bytes``; the default trains from scratch.
        fuse_activation: ``relu`` keeps the map from being negative, but a fusion layer that is
            negative everywhere no longer learns; ``none`` cannot die so.
        output_scale: Persons per cell that an output of 1 stands for. Small, so that weights of
            ordinary size give the small numbers of a density map.
    """

    outputs: Mapping[str, MapSpec] = {"density": MapSpec("density", STRIDE)}
    size_multiple = STRIDE
    receptive_field = 34  # of the first column: 4 + 2 * 3 + 4 * 3 + 4 * 3

    def __init__(
        self,
        *,
        in_channels: Literal[1, 3] = 1,
        normalization: Normalization = "imagenet",
        fuse_activation: Literal["none", "relu"] = "none",
        output_scale: float = 0.01,
    ) -> None:
        super().__init__()
        self.grey = in_channels == 1
        self.output_scale = output_scale
        self.normalize = Normalize(normalization)
        self.branch1 = _column(in_channels, *_COLUMNS["branch1"])
        self.branch2 = _column(in_channels, *_COLUMNS["branch2"])
        self.branch3 = _column(in_channels, *_COLUMNS["branch3"])
        self.fuse = nn.Sequential(nn.Conv2d(30, 1, 1))
        if fuse_activation == "relu":
            self.fuse.append(nn.ReLU())
        init_kaiming(self)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        images = self.normalize(images)
        if self.grey:
            images = rgb_to_grayscale(images)
        images = pad_to_multiple(images, STRIDE)
        columns = [self.branch1(images), self.branch2(images), self.branch3(images)]
        density = self.fuse(torch.cat(columns, dim=1)) * self.output_scale
        return Prediction.from_density(crop_map(density, size, STRIDE), STRIDE)

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept ``DME.`` and ``CCN.`` layouts beside this module's own (``branch1.0.weight``)."""
        bare = strip_prefixes(state, "DME.", "CCN.", "module.")
        return {_own_key(key): value for key, value in bare.items()}

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Grey or RGB by the first convolution; the rest by the layout the file came in."""
        first = cls.translate_keys(file.state).get("branch1.0.weight")
        grey = {} if first is None else {"in_channels": first.shape[1]}
        return {**_published_options(file), **super().options_from_weights(file), **grey}


def _column(
    in_channels: int, kernel_sizes: tuple[int, ...], channels: tuple[int, ...]
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index, (kernel_size, out_channels) in enumerate(zip(kernel_sizes, channels, strict=True)):
        layers += [
            nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2),
            nn.ReLU(inplace=True),
        ]
        if index < 2:
            layers.append(nn.MaxPool2d(2))
        in_channels = out_channels
    return nn.Sequential(*layers)


def _own_key(key: str) -> str:
    if ".conv." not in key:
        return key
    name, index, part = re.sub(r"\.conv\.", ".", key).split(".")
    return f"{name}.{_FUSED_INDEX.get(index, index)}.{part}"


def _published_options(file: WeightsFile) -> dict[str, Any]:
    """How the makers of each layout fed their network and scaled its target."""
    if file.component or file.options:
        return {}
    if any(key.startswith("CCN.") for key in file.state):
        # Trained on 100 times the persons per pixel, against its output repeated 4 x 4 times.
        return {
            "normalization": "shanghaitech-a",
            "fuse_activation": "relu",
            "output_scale": STRIDE**2 / 100,
        }
    fused = any(".conv." in key for key in file.state)
    return {
        "normalization": "bytes",
        "fuse_activation": "relu" if fused else "none",
        "output_scale": 1.0,
    }
