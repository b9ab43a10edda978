"""The counter `sanet`: kernels of four sizes side by side, normalised image by image."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.transforms.v2.functional import rgb_to_grayscale

from crowdkit_core.interfaces import Counter, MapSpec, Prediction
from crowdkit_core.networks import Normalization, Normalize, crop_map, init_normal, pad_to_multiple
from crowdkit_core.weights import WeightsFile, strip_prefixes

_POOLED = 8
_KERNEL_SIZES = (1, 3, 5, 7)
_OUTPUT_AT_START = 0.1


class SANet(Counter):
    """Four scale aggregation modules, and a decoder up to the image's own resolution.

    Stride 1; 1,388,721 parameters on RGB. Every layer but the last is normalised by the mean and
    deviation of its own map, over the whole image (padding to a multiple of 8 included). A cell
    so depends on every pixel, and tiles or crops count differently from the whole image.

    Reference: Cao, Wang, Zhao and Su, "Scale Aggregation Network for Accurate and Efficient Crowd
    Counting", ECCV 2018, in the layout of the public reimplementation.

    Args:
        in_channels: 3 looks at RGB; 1 at the luminance.
        normalization: Of the RGB image, before its luminance is taken.
        output_scale: Persons per cell that an output of 1 stands for. The published networks
            learn 100 times the persons per pixel.
    """

    outputs: Mapping[str, MapSpec] = {"density": MapSpec("density", 1)}
    size_multiple = _POOLED
    min_size = (_POOLED + 1, _POOLED + 1)  # one cell after the poolings would have no deviation

    def __init__(
        self,
        *,
        in_channels: Literal[1, 3] = 3,
        normalization: Normalization = "imagenet",
        output_scale: float = 0.01,
    ) -> None:
        super().__init__()
        self.grey = in_channels == 1
        self.output_scale = output_scale
        self.normalize = Normalize(normalization)
        self.encoder = nn.Sequential(
            _Aggregation(in_channels, 64, reduced=False),
            nn.MaxPool2d(2),
            _Aggregation(64, 128),
            nn.MaxPool2d(2),
            _Aggregation(128, 128),
            nn.MaxPool2d(2),
            _Aggregation(128, 128),
        )
        output_layer = nn.Conv2d(16, 1, 1)
        self.decoder = nn.Sequential(
            _conv(128, 64, 9),
            _doubled(64),
            _conv(64, 32, 7),
            _doubled(32),
            _conv(32, 16, 5),
            _doubled(16),
            _conv(16, 16, 3),
            nn.Sequential(output_layer, nn.ReLU()),
        )
        init_normal(self)
        # The last ReLU begins open: where it is closed for every image, nothing is learnt.
        nn.init.constant_(output_layer.get_parameter("bias"), _OUTPUT_AT_START)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        images = self.normalize(images)
        if self.grey:
            images = rgb_to_grayscale(images)
        features = self.encoder(pad_to_multiple(images, _POOLED))
        density = self.decoder(features) * self.output_scale
        return Prediction.from_density(crop_map(density, size, 1), 1)

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the published layout (``encoder.0.branch1x1.conv.weight``, under ``CCN.``)."""
        bare = strip_prefixes(state, "CCN.", "module.")
        return {_own_key(key): value for key, value in bare.items()}

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Grey or RGB by the first convolution; published ones learn a hundredfold map."""
        first = cls.translate_keys(file.state).get("encoder.0.branch1x1.0.weight")
        grey = {} if first is None else {"in_channels": first.shape[1]}
        is_published = any(key.endswith("branch1x1.conv.weight") for key in file.state)
        published = {"normalization": "shanghaitech-b", "output_scale": 0.01}
        return {**(published if is_published else {}), **super().options_from_weights(file), **grey}


class _Aggregation(nn.Module):
    """Kernels of four sizes side by side, the larger ones after a 1x1 reduction."""

    def __init__(self, in_channels: int, out_channels: int, *, reduced: bool = True) -> None:
        super().__init__()
        share = out_channels // len(_KERNEL_SIZES)
        for kernel_size in _KERNEL_SIZES:
            direct = kernel_size == 1 or not reduced
            branch = (
                _conv(in_channels, share, kernel_size)
                if direct
                else nn.Sequential(
                    _conv(in_channels, 2 * share, 1), _conv(2 * share, share, kernel_size)
                )
            )
            self.add_module(f"branch{kernel_size}x{kernel_size}", branch)

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([branch(features) for branch in self.children()], 1)


def _conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    padding = kernel_size // 2
    convolution = nn.Conv2d(in_channels, out_channels, kernel_size, padding=padding, bias=False)
    return _normalized(convolution, out_channels)


def _doubled(channels: int) -> nn.Sequential:
    return _normalized(nn.ConvTranspose2d(channels, channels, 2, 2, bias=False), channels)


def _normalized(convolution: nn.Module, channels: int) -> nn.Sequential:
    norm = nn.InstanceNorm2d(channels, affine=True)
    return nn.Sequential(convolution, norm, nn.ReLU(inplace=True))


def _own_key(key: str) -> str:
    """A published block names its convolution and its normalisation; here they are numbered."""
    for published, index in ((".conv.", ".0."), (".tconv.", ".0."), (".bn.", ".1.")):
        key = key.replace(published, index)
    return key
