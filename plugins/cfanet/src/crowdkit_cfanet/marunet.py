"""The counter `marunet`, which the authors of CFANet released: with coarse attention alone."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_cfanet.layers import (
    AttentionStage,
    SideOutput,
    dilated_conv,
    enlarge,
    joint_conv,
    map_size,
    run_step,
)
from crowdkit_core.interfaces import Counter, MapSpec, Prediction
from crowdkit_core.networks import (
    Backbone,
    Normalization,
    Normalize,
    crop_map,
    init_normal,
    pad_to_multiple,
)
from crowdkit_core.precision import at_least_float32
from crowdkit_core.weights import strip_prefixes

STRIDES = (16, 8, 4, 2, 1)
"""Of the five stages, in the order in which they are computed."""

_ENCODED = (512, 512, 256, 128, 64)
_ATTENTION = (256, 256, 128, 128, 64)
_DECODER = (512, 256, 128, 64, 64)

_FRONT = {
    0: {0: 0, 2: 2},
    1: {1: 5, 3: 7},
    2: {1: 10, 3: 12, 5: 14},
    3: {1: 17, 3: 19, 5: 21},
    4: {1: 24, 3: 26, 5: 28},
}
"""Published block, index of a convolution in it, and that of the same one in VGG-16."""


class MARUNet(Counter):
    """Thirteen convolutions of VGG-16, five scales of coarse attention, six density maps.

    A dilated convolution, the bridge, follows the encoder. From the bridge the attention branch
    climbs from stride 16 to 1 and gives a probability of crowd at every stage, by which the
    decoder's input there (its own features and the encoder's) is multiplied. The bridge and
    every stage but the last also give a density map of the image's size for the loss.

    In training the maps are ``density``, ``density1`` to ``density5`` (of the bridge, then of the
    stages at strides 16 to 2; ``db``, ``d4`` to ``d1`` in the release) and ``coarse1`` to
    ``coarse5`` (``amp4`` to ``amp0``) at strides 16, 8, 4, 2 and 1. Evaluation leaves the side
    density maps out.

    Reference: the network released with Rong and Li, WACV 2021; their paper's row "w. CRR".
    Published weights load as they are.

    Args:
        pretrained: True fetches VGG-16's ImageNet weights; a path reads them from a file; False
            starts at random.
        checkpointing: Recompute each stage in the backward pass instead of keeping its features:
            less memory for a second forward pass. Changes no number.
        normalization: Of the input.
        output_scale: Persons per pixel that an output of 1 stands for.
    """

    outputs: Mapping[str, MapSpec] = {
        "density": MapSpec("density", 1),
        **{f"density{stage}": MapSpec("density", 1) for stage in range(1, 6)},
        **{f"coarse{i}": MapSpec("attention", stride) for i, stride in enumerate(STRIDES, 1)},
    }
    size_multiple = STRIDES[0]
    receptive_field = 262

    def __init__(
        self,
        *,
        pretrained: bool | Path = False,
        checkpointing: bool = False,
        normalization: Normalization = "imagenet",
        output_scale: float = 1 / 50,
    ) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        self.output_scale = output_scale
        self.normalize = Normalize(normalization)
        self.backbone = Backbone("vgg16", reductions=STRIDES[::-1], pretrained=pretrained)
        self.bridge = dilated_conv(_ENCODED[0], _ENCODED[0])
        self.attention = nn.ModuleList(
            AttentionStage(below, width, 1) for below, width in pairwise((512, *_ATTENTION))
        )
        self.decoder = nn.ModuleList(
            WeightedStage(below + skip, width)
            for below, skip, width in zip((512, *_DECODER), _ENCODED, _DECODER, strict=False)
        )
        self.side_outputs = nn.ModuleDict(
            {
                f"density{number}": SideOutput(width)
                for number, width in enumerate((512, *_DECODER[:-1]), start=1)
            }
        )
        self.output_layer = nn.Conv2d(_DECODER[-1], 1, 1)
        for name, part in self.named_children():
            if name != "backbone":
                init_normal(part)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        encoded = self._run(self.backbone, pad_to_multiple(self.normalize(images), STRIDES[0]))
        bridge = F.relu(self.bridge(encoded[-1]), inplace=True)
        coarse = self._attention(bridge, encoded)
        maps = self._decode(bridge, encoded, coarse)
        maps |= {f"coarse{stage}": each for stage, each in enumerate(coarse, start=1)}
        cropped = {
            name: crop_map(each, size, self.outputs[name].stride) for name, each in maps.items()
        }
        return Prediction.from_density(cropped.pop("density"), 1, maps=cropped)

    def _attention(self, bridge: Tensor, encoded: Sequence[Tensor]) -> list[Tensor]:
        """Probability of crowd at every stage."""
        features, maps = bridge, []
        for stage, peer in zip(self.attention, reversed(encoded), strict=True):
            features, logits = self._run(stage, features, map_size(peer))
            maps.append(at_least_float32(logits).sigmoid())
        return maps

    def _decode(
        self, bridge: Tensor, encoded: Sequence[Tensor], coarse: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """The density maps that this mode needs."""
        features, skips = encoded[-1], [bridge, *encoded[-2::-1]]
        described = [bridge]
        for stage, skip, weights in zip(self.decoder, skips, coarse, strict=True):
            features = self._run(stage, features, skip, weights)
            described.append(features)
        maps = {"density": self.output_layer(described.pop())}
        if self.training:
            size = map_size(encoded[0])
            for (name, side_output), each in zip(self.side_outputs.items(), described, strict=True):
                maps[name] = side_output(each, size)
        return {name: at_least_float32(m).abs() * self.output_scale for name, m in maps.items()}

    def _run(self, step: nn.Module, *inputs: Any) -> Any:
        return run_step(step, *inputs, checkpointing=self.checkpointing)

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the published layout (``front0.0.weight``, ``amp_conv4.0.weight``)."""
        published = _published_layers()
        translated = {}
        for key, value in strip_prefixes(state, "module.").items():
            layer, _, part = key.rpartition(".")
            translated[f"{published.get(layer, layer)}.{part}"] = value
        return translated


class WeightedStage(nn.Module):
    """One scale of the decoder, its input weighted by the attention of that scale.

    Args:
        in_channels: Of the features below and the encoder's together.
        width: Channels of the result.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.conv = dilated_conv(in_channels, width)

    def forward(
        self,
        features: Float[Tensor, "B C h w"],
        skip: Float[Tensor, "B S H W"],
        attention: Float[Tensor, "B 1 H W"],
    ) -> Float[Tensor, "B D H W"]:
        """Features of this scale."""
        maps = [skip * attention, enlarge(features, map_size(skip)) * attention]
        return F.relu(joint_conv(self.conv, maps), inplace=True)


def _published_layers() -> dict[str, str]:
    """Published layers, and this module's in their place."""
    layers = {"brg.0": "bridge", "outconvb": "side_outputs.density1.conv"}
    for block, convolutions in _FRONT.items():
        for index, features in convolutions.items():
            layers[f"front{block}.{index}"] = f"backbone.net.features_{features}"
    for block in range(5):
        stage = 4 - block
        layers[f"back{block}.0"] = f"decoder.{stage}.conv"
        layers[f"amp_conv{block}.0"] = f"attention.{stage}.conv"
        layers[f"amp_outconv{block}"] = f"attention.{stage}.head"
    for block in range(1, 5):
        layers[f"outconv{block}"] = f"side_outputs.density{6 - block}.conv"
    return layers
