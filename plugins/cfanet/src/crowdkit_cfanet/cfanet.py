"""The counter `cfanet`: a U-shaped network whose decoder is weighted by two attentions."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
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
from crowdkit_core.errors import OptionsError
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

STRIDES = (8, 4, 2, 1)
"""Of the four stages, in the order in which they are computed."""

_ENCODED = (512, 256, 128, 64)
_RECOGNIZER = (256, 128, 128, 64)
_ESTIMATOR = (256, 256, 128, 64)
_DECODER = (512, 256, 256, 64)

Combination = Literal["additive", "residual"]
"""How coarse and fine attention become one: fine + coarse, or fine + coarse * fine."""

ClassWeights = Literal["soft", "hard"]
"""The weight of a pixel: the expectation over its classes, or that of the likeliest one."""


class CFANet(Counter):
    """Coarse and fine attention on a VGG-16 encoder, with density maps of the image's size.

    Ten convolutions of VGG-16 give features at strides 1, 2, 4 and 8. From the last, three
    branches climb back in four stages: the crowd region recognizer (coarse attention: crowd or
    not), the density level estimator (fine attention: one of ``classes`` levels) and the density
    map estimator, whose features are multiplied by 1 + attention at every stage (eq. 2). Each
    stage's features also give a density map of the image's size for the loss.

    In training the maps are ``density``, ``density1`` to ``density3`` (stages 1 to 3), ``coarse1``
    to ``coarse4`` (probabilities of crowd) and ``fine1`` to ``fine4`` (logits of the levels, 0 the
    background, the last the densest) at strides 8, 4, 2 and 1. Evaluation leaves the three side
    density maps out.

    Reference: Rong and Li, "Coarse- and Fine-grained Attention Network with Background-aware Loss
    for Crowd Density Map Estimation", WACV 2021, section 3. Not in print: the encoder's features
    are concatenated to the decoder's; the convolutions of both attention branches are dilated
    like the decoder's; outputs pass an absolute value, as in the authors' released network.

    Args:
        crr: With the crowd region recognizer.
        dle: With the density level estimator.
        supervision: How many density maps are supervised, counted from the last stage: 4 is the
            paper's "supervision 1-4", 1 its "supervision 4".
        classes: Density levels, the background included.
        combination: What becomes of both attentions: ``additive`` is eq. 1 as the text has it;
            ``residual``, fine + coarse * fine, as the conference version prints it.
        class_weights: How a pixel's levels become its weight, level c of k standing for
            c / (k - 1): ``soft`` is their expectation, through which gradients flow; ``hard`` the
            likeliest level's, which leaves the estimator to its own loss.
        bridge: One more dilated convolution between encoder and decoder.
        pretrained: True fetches VGG-16's ImageNet weights; a path reads them from a file; False
            starts at random.
        checkpointing: Recompute each stage in the backward pass instead of keeping its features:
            less memory for a second forward pass. Changes no number.
        normalization: Of the input.
        output_scale: Persons per pixel that an output of 1 stands for.

    Raises:
        OptionsError: Fewer than two classes.
    """

    size_multiple = STRIDES[0]

    def __init__(
        self,
        *,
        crr: bool = True,
        dle: bool = True,
        supervision: Literal[1, 2, 3, 4] = 4,
        classes: int = 6,
        combination: Combination = "additive",
        class_weights: ClassWeights = "soft",
        bridge: bool = False,
        pretrained: bool | Path = False,
        checkpointing: bool = False,
        normalization: Normalization = "imagenet",
        output_scale: float = 1 / 50,
    ) -> None:
        super().__init__()
        if classes < 2:
            raise OptionsError(f"classes is {classes}, must be at least 2: background and crowd")
        self.combination = combination
        self.class_weights = class_weights
        self.checkpointing = checkpointing
        self.output_scale = output_scale
        self.normalize = Normalize(normalization)
        self.backbone = Backbone("vgg16", reductions=STRIDES[::-1], pretrained=pretrained)
        self.recognizer = _attention_branch(_RECOGNIZER, 1) if crr else nn.ModuleList()
        self.estimator = _attention_branch(_ESTIMATOR, classes) if dle else nn.ModuleList()
        self.bridge = dilated_conv(_ENCODED[0], _ENCODED[0]) if bridge else None
        self.decoder = _decoder(bridge=bridge)
        self.side_outputs = nn.ModuleDict(
            {
                f"density{stage + 1}": SideOutput(_DECODER[stage])
                for stage in range(4 - supervision, 3)
            }
        )
        self.output_layer = nn.Conv2d(_DECODER[-1], 1, 1)
        for name, part in self.named_children():
            if name != "backbone":
                init_normal(part)
        self.outputs = _outputs(self.side_outputs, classes, crr=crr, dle=dle)
        self.receptive_field = _receptive_field(self.backbone, attention=crr or dle, bridge=bridge)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        encoded = self._run(self.backbone, pad_to_multiple(self.normalize(images), STRIDES[0]))
        coarse = [
            at_least_float32(each).sigmoid() for each in self._climb(self.recognizer, encoded)
        ]
        fine = self._climb(self.estimator, encoded)
        maps = self._decode(encoded, self._attention(coarse, fine))
        maps |= {f"coarse{stage}": each for stage, each in enumerate(coarse, start=1)}
        maps |= {f"fine{stage}": each for stage, each in enumerate(fine, start=1)}
        cropped = {
            name: crop_map(each, size, self.outputs[name].stride) for name, each in maps.items()
        }
        return Prediction.from_density(cropped.pop("density"), 1, maps=cropped)

    def _climb(self, branch: nn.ModuleList, encoded: Sequence[Tensor]) -> list[Tensor]:
        """Maps of an attention branch at every stage; none without the branch."""
        features, maps = encoded[-1], []
        for stage, peer in zip(branch, reversed(encoded), strict=False):
            features, logits = self._run(stage, features, map_size(peer))
            maps.append(logits)
        return maps

    def _attention(
        self, coarse: Sequence[Tensor], fine: Sequence[Tensor]
    ) -> Sequence[Tensor | None]:
        """Weights of the four stages, in [0, 2]; None without attention."""
        weights = [level_weights(each, self.class_weights) for each in fine]
        if not (coarse and weights):
            return weights or coarse or [None] * len(STRIDES)
        return [
            combined_attention(f, c, self.combination) for f, c in zip(weights, coarse, strict=True)
        ]

    def _decode(
        self, encoded: Sequence[Tensor], attention: Sequence[Tensor | None]
    ) -> dict[str, Tensor]:
        """The density maps that this mode needs."""
        size, maps = map_size(encoded[0]), {}
        features, skips = encoded[-1], [None, *encoded[-2::-1]]
        if self.bridge is not None:
            features, skips[0] = F.relu(self.bridge(features), inplace=True), features
        for index, stage in enumerate(self.decoder):
            features = self._run(stage, features, skips[index], attention[index])
            name = f"density{index + 1}"
            if self.training and name in self.side_outputs:
                maps[name] = self.side_outputs[name](features, size)
        maps["density"] = self.output_layer(features)
        return {name: at_least_float32(m).abs() * self.output_scale for name, m in maps.items()}

    def _run(self, step: nn.Module, *inputs: Any) -> Any:
        return run_step(step, *inputs, checkpointing=self.checkpointing)


class DecoderStage(nn.Module):
    """One scale of the density map estimator.

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
        skip: Float[Tensor, "B S H W"] | None,
        attention: Float[Tensor, "B 1 H W"] | None,
    ) -> Float[Tensor, "B D H W"]:
        """Features of this scale, weighted by 1 + attention (eq. 2)."""
        maps = [features] if skip is None else [enlarge(features, map_size(skip)), skip]
        features = F.relu(joint_conv(self.conv, maps), inplace=True)
        return features if attention is None else features * (1 + attention.to(features.dtype))


def level_weights(
    logits: Float[Tensor, "B K h w"], class_weights: ClassWeights = "soft"
) -> Float[Tensor, "B 1 h w"]:
    """Attention weights of density levels, level c of K standing for c / (K - 1).

    Example:
        >>> import torch
        >>> logits = torch.tensor([1.0, 1.0, -99.0]).view(1, 3, 1, 1)
        >>> level_weights(logits).item()
        0.25
    """
    densest = logits.shape[1] - 1
    if class_weights == "hard":
        return logits.argmax(1, keepdim=True).to(logits.dtype) / densest
    levels = torch.arange(densest + 1, device=logits.device, dtype=logits.dtype) / densest
    return (logits.softmax(1) * levels.view(-1, 1, 1)).sum(1, keepdim=True)


def combined_attention(
    fine: Float[Tensor, "B 1 h w"],
    coarse: Float[Tensor, "B 1 h w"],
    combination: Combination = "additive",
) -> Float[Tensor, "B 1 h w"]:
    """Fine attention refined by the coarse one (eq. 1); in [0, 2] where both are in [0, 1]."""
    return fine + (coarse if combination == "additive" else coarse * fine)


def _attention_branch(widths: Sequence[int], out_channels: int) -> nn.ModuleList:
    return nn.ModuleList(
        AttentionStage(below, width, out_channels)
        for below, width in pairwise((_ENCODED[0], *widths))
    )


def _decoder(*, bridge: bool) -> nn.ModuleList:
    below = (_ENCODED[0] if bridge else 0, *_DECODER[:-1])
    return nn.ModuleList(
        DecoderStage(b + skip, width)
        for b, skip, width in zip(below, _ENCODED, _DECODER, strict=True)
    )


def _outputs(
    side_outputs: Iterable[str], classes: int, *, crr: bool, dle: bool
) -> dict[str, MapSpec]:
    outputs = {name: MapSpec("density", 1) for name in ("density", *side_outputs)}
    for stage, stride in enumerate(STRIDES, start=1):
        if crr:
            outputs[f"coarse{stage}"] = MapSpec("attention", stride)
        if dle:
            outputs[f"fine{stage}"] = MapSpec("classes", stride, classes)
    return outputs


def _receptive_field(backbone: Backbone, *, attention: bool, bridge: bool) -> int | None:
    """Each dilated convolution reaches two cells; so does enlarging it, at the finer scale.

    At stride 8 the attention's two convolutions reach three cells where the decoder's one (two
    with a bridge) reaches two (four).
    """
    reach = backbone.receptive_field
    cells = 4 if bridge else 3 if attention else 2
    return None if reach is None else reach + cells * STRIDES[0] + sum(4 * s for s in STRIDES[1:])
