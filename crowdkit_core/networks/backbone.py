"""Feature extractors from timm, such as the papers' VGG-16 front end."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from crowdkit_core.errors import UsageError, WeightsError
from crowdkit_core.networks.receptive_field import measure_receptive_field
from crowdkit_core.weights import load_matching, read_weights

VGG16_CONVS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)
"""Where torchvision's ``vgg16().features`` keeps the ten convolutions up to conv4_3."""

_KNOWN_FIELDS = {("vgg16", 8): 42, ("vgg16_bn", 16): 90, ("vgg19", 16): 118}
"""What takes long to measure, in pixels."""


class Backbone(nn.Module):
    """Features of a timm network at chosen reductions.

    ``vgg16`` at reduction 8 is the front end of most counters: ten 3x3 convolutions and three
    poolings, ending in the ReLU of conv4_3 (512 channels, 7,635,264 parameters). Layers beyond
    the last feature asked for are not built.

    Args:
        name: Any convolutional timm network.
        reductions: Image pixels per feature cell, ascending.
        pretrained: True fetches timm's ImageNet weights; a path reads them from a local file in
            torchvision's or timm's layout; False starts at random.

    Attributes:
        channels: Of each feature.
        reductions: As given.

    Raises:
        UsageError: No such network, or it has no feature at a reduction.
        WeightsError: The weights cannot be fetched or do not fit.
    """

    def __init__(
        self,
        name: str = "vgg16",
        *,
        reductions: Sequence[int] = (8,),
        pretrained: bool | Path = False,
    ) -> None:
        super().__init__()
        self.name = name
        self.reductions = tuple(reductions)
        self.net = _timm_features(name, self.reductions, pretrained=pretrained is True)
        self.channels: tuple[int, ...] = tuple(self.net.feature_info.channels())
        if isinstance(pretrained, (str, Path)):
            self._load(Path(pretrained))

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"backbone {self.name!r}"

    @property
    def receptive_field(self) -> int | None:
        """Pixels beyond a cell of the last feature that can change it; None for the whole image."""
        return _receptive_field(self.name, self.reductions[-1])

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> list[Tensor]:
        """Features (B, C, h, w), one per reduction; H and W are multiples of the last one."""
        features: list[Tensor] = self.net(images)
        return features

    def _load(self, path: Path) -> None:
        file = read_weights(path)
        own = self.net.state_dict()
        renamed = {_flattened(key, own): value for key, value in file.state.items()}
        # A classifier and layers beyond the cut are in the file and not in the module.
        load_matching(self, file, {f"net.{key}": renamed[key] for key in own if key in renamed})


def vgg16_keys(source: str, backbone: str = "backbone") -> dict[str, str]:
    """Published keys of the VGG-16 front end, and the keys of `Backbone` in their place.

    Args:
        source: What the published layout calls the front end (``frontend``, ``features``).
        backbone: Under which name the counter holds its `Backbone`.

    Example:
        >>> vgg16_keys("frontend")["frontend.0.weight"]
        'backbone.net.features_0.weight'
    """
    return {
        f"{source}.{index}.{part}": f"{backbone}.net.features_{index}.{part}"
        for index in VGG16_CONVS
        for part in ("weight", "bias")
    }


def _timm_features(name: str, reductions: Sequence[int], *, pretrained: bool) -> Any:
    available = _available_reductions(name)
    missing = [reduction for reduction in reductions if reduction not in available]
    if missing:
        raise UsageError(
            f"backbone {name!r} has no feature at reduction {missing[0]}",
            hint=f"it has: {', '.join(map(str, available))}",
        )
    indices = tuple(available.index(reduction) for reduction in reductions)
    # timm builds VGG's head of 100 million parameters before it cuts it off.
    small_head: dict[str, Any] = (
        {"mlp_ratio": 0.01} if name.startswith("vgg") and not pretrained else {}
    )
    try:
        return timm.create_model(
            name, features_only=True, out_indices=indices, pretrained=pretrained, **small_head
        )
    except Exception as error:  # what a failed download raises depends on hub, cache and network
        if not pretrained:
            raise
        cause = str(error).strip().partition("\n")[0]
        raise WeightsError(
            f"the pretrained weights of backbone {name!r} cannot be fetched: {cause}",
            hint="download them elsewhere and give the file: pretrained = 'path/to/weights.pth'",
        ) from error


@cache
def _available_reductions(name: str) -> tuple[int, ...]:
    if not timm.is_model(name):
        near = timm.list_models(f"*{name.split('_')[0]}*")[:3]
        raise UsageError(
            f"timm has no backbone named {name!r}",
            hint=f"near names: {', '.join(near)}" if near else "timm.list_models() lists them",
        )
    with torch.device("meta"):
        net: Any = timm.create_model(name, features_only=True)
    if getattr(net, "output_fmt", "NCHW") != "NCHW":
        raise UsageError(
            f"backbone {name!r} works on one fixed image size",
            hint="choose a convolutional network, such as vgg16, resnet50 or convnext_tiny",
        )
    return tuple(net.feature_info.reduction())


@cache
def _receptive_field(name: str, reduction: int) -> int | None:
    if (name, reduction) in _KNOWN_FIELDS:
        return _KNOWN_FIELDS[name, reduction]
    net = _timm_features(name, (reduction,), pretrained=False)
    return measure_receptive_field(net, reduction, read=lambda features: features[0])


def _flattened(key: str, own: dict[str, Tensor]) -> str:
    """``features.0.weight`` of a file is ``features_0.weight`` in timm's feature extractors."""
    return key if key in own else re.sub(r"^(\w+)\.(\d+)\.", r"\1_\2.", key)
