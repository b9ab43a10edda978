"""Normalise inputs as published counters were trained with."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

Normalization = Literal[
    "bytes",
    "caffe",
    "clip",
    "csrnet",
    "gcc",
    "imagenet",
    "mall",
    "none",
    "nwpu",
    "shanghaitech-a",
    "shanghaitech-b",
    "symmetric",
    "ucf-cc-50",
    "ucf-qnrf",
    "ucsd",
    "worldexpo",
]
"""``bytes`` is 0..255; ``caffe`` is 0..255 minus the mean of ImageNet, as Caffe's VGG was trained,
and ``csrnet`` 0..255 minus another, as CSRNet's release validates, both in RGB; ``imagenet`` is
torchvision's mean and deviation, ``clip`` OpenAI's; ``symmetric`` is -1..1, as for TensorFlow's
networks; a data set's name stands for its own mean and deviation."""

_BYTE = (1 / 255, 1 / 255, 1 / 255)

STATISTICS: dict[Normalization, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "bytes": ((0.0, 0.0, 0.0), _BYTE),
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), _BYTE),
    "csrnet": ((92.8207477031 / 255, 95.2757037428 / 255, 104.877445883 / 255), _BYTE),
    "symmetric": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "shanghaitech-a": (
        (0.410824894905, 0.370634973049, 0.359682112932),
        (0.278580576181, 0.26925137639, 0.27156367898),
    ),
    "shanghaitech-b": (
        (0.452016860247, 0.447249650955, 0.431981861591),
        (0.23242045939, 0.224925786257, 0.221840232611),
    ),
    "ucf-qnrf": (
        (0.413525998592, 0.378520160913, 0.371616870165),
        (0.284849464893, 0.277046442032, 0.281509846449),
    ),
    "ucf-cc-50": ((0.403584420681,) * 3, (0.268462955952,) * 3),
    "worldexpo": (
        (0.504379212856, 0.510956227779, 0.505369007587),
        (0.22513884306, 0.225588873029, 0.22579960525),
    ),
    "mall": (
        (0.537967503071, 0.460666239262, 0.41356408596),
        (0.220573320985, 0.218155637383, 0.20540446043),
    ),
    "ucsd": ((0.376973062754,) * 3, (0.206167116761,) * 3),
    "gcc": (
        (0.302234709263, 0.291243076324, 0.269087553024),
        (0.227743327618, 0.211051672697, 0.184846073389),
    ),
    "nwpu": (
        (0.446139603853, 0.409515678883, 0.395083993673),
        (0.288205742836, 0.278144598007, 0.283502370119),
    ),
}
"""Mean and deviation of RGB in [0, 1], by name."""


class Normalize(nn.Module):
    """Subtract a published mean and divide by its deviation.

    The statistics are not part of the state_dict, so that published weights load as they are.

    Args:
        normalization: Whose statistics.

    Example:
        >>> Normalize("bytes")(torch.ones(1, 3, 1, 1)).round().flatten().tolist()
        [255.0, 255.0, 255.0]
    """

    mean: Tensor
    std: Tensor

    def __init__(self, normalization: Normalization) -> None:
        super().__init__()
        mean, std = STATISTICS[normalization]
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 3 H W"]:
        """Normalise RGB in [0, 1]."""
        return (images - self.mean) / self.std
