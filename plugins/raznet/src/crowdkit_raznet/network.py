"""Main-Net and RAZ-Net: where people are, how many, and which regions to zoom into."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.interfaces import Counter, LocalizedPoints, MapSpec, Prediction
from crowdkit_core.networks import (
    Backbone,
    Normalization,
    Normalize,
    conv_relu_stack,
    crop_map,
    init_kaiming,
    init_normal,
    pad_to_multiple,
)
from crowdkit_core.precision import at_least_float32
from crowdkit_raznet.peaks import find_peaks

STRIDE = 8
_FEATURES = 512
_RICH = 64  # channels of each branch's last features
_DILATION = 2
_COUNTING = (_FEATURES, 512, 512, 512, 256, 128, _RICH)
_DECONVOLUTIONS = ((_FEATURES, 256), (256, 128), (128, _RICH))

_STEADY = (-27.0, 16.0)
"""Logits whose probability, and its distance from 1, torch's cross entropy tells from 0."""

CountingStride = Literal[8, 4, 2]
"""Stride of the density map; each halving is one transposed convolution."""

BackboneConvs = Literal[10, 13]
"""Convolutions of VGG-16: to conv4_3, or all, without the fourth pooling."""

LocalizationOutput = Literal["sigmoid", "softmax"]
"""One logit, or two through a ReLU: of background and head, as in the NWPU reproduction."""


class InspectionNet(Counter):
    """Main-Net, or with ``counting=False`` RAZ-Net, whose count is that of the points it finds.

    Liu, Weng and Mu, CVPR 2019, section 3.1. On VGG-16 features of stride 8 stand a counting
    branch of six dilated convolutions, a localization branch that doubles the resolution three
    times, and a zooming region proposal branch on both's last features. Layers of the localization
    branch are those of the reproduction published with the NWPU-Crowd benchmark; the paper's are
    in a supplement that is not public, those of the proposal branch are ours.

    Args:
        counting: With the counting branch.
        proposals: With the zooming region proposal branch.
        counting_stride: Of the density map.
        backbone_convs: Depth of the backbone.
        localization_output: From features to probabilities.
        threshold: Least averaged probability of a head, see `find_peaks`.
        refine: Heads between pixels, see `find_peaks`.
        window: Side of the squares of `find_peaks`.
        pretrained: As of `Backbone`.
        normalization: Of the input.
    """

    size_multiple = STRIDE

    def __init__(
        self,
        *,
        counting: bool = True,
        proposals: bool = True,
        counting_stride: CountingStride = 8,
        backbone_convs: BackboneConvs = 10,
        localization_output: LocalizationOutput = "sigmoid",
        threshold: float = 0.5,
        refine: bool = False,
        window: int = 3,
        pretrained: bool | Path = False,
        normalization: Normalization = "imagenet",
    ) -> None:
        super().__init__()
        self.counting_stride = counting_stride
        self.find_peaks = partial(find_peaks, threshold=threshold, refine=refine, window=window)
        self.normalize = Normalize(normalization)
        self.backbone = _backbone(backbone_convs, pretrained)
        self.counting = _counting_branch(counting_stride) if counting else None
        self.localization = LocalizationBranch(localization_output)
        self.proposal = ProposalBranch(counting=counting) if proposals else None
        self.receptive_field = _receptive_field(
            backbone_convs, counting_stride if counting else None, proposals=proposals
        )
        self._all_outputs = {
            **({"density": MapSpec("density", counting_stride)} if counting else {}),
            "localization": MapSpec("localization", 1),
            **({"attention": MapSpec("attention", 1)} if proposals else {}),
        }
        self.restrict(None)

    def restrict(self, names: Collection[str] | None) -> None:
        """From now on give, and compute, only these maps; all with None.

        Attention needs the features of both other branches, so they come along.
        """
        everything = names is None or "attention" in names
        self.outputs = {
            name: spec
            for name, spec in self._all_outputs.items()
            if everything or name in (names or ())
        }
        self.direct_count = "density" not in self.outputs

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count, localise and rate where to zoom."""
        size = (images.shape[-2], images.shape[-1])
        (features,) = self.backbone(pad_to_multiple(self.normalize(images), STRIDE))
        maps: dict[str, Tensor] = {}
        crowd = place = None
        if self.counting is not None and "density" in self.outputs:
            crowd = self.counting["features"](features)
            maps["density"] = self.counting["output"](crowd)
        if "localization" in self.outputs:
            place = self.localization.features(features)
            maps["localization"] = self.localization.probability(place)
        if self.proposal is not None and place is not None and "attention" in self.outputs:
            maps["attention"] = self.proposal(place, crowd)
        return self.read(
            {name: crop_map(m, size, self.outputs[name].stride) for name, m in maps.items()}
        )

    def read(self, maps: Mapping[str, Tensor]) -> Prediction:
        """The prediction that maps are, ``density`` among them: its sum counts, or the heads."""
        others = {name: each for name, each in maps.items() if name != "density"}
        if "density" in maps:
            return Prediction.from_density(maps["density"], self.counting_stride, maps=others)
        return Prediction(count=self._number_of_heads(maps["localization"]), maps=others)

    def adopt(self, other: "InspectionNet") -> None:
        """Take over the weights of a network that has at least these branches.

        The proposal branch takes the half of its first weights that sees localization features.
        """
        state = other.state_dict()
        self.load_state_dict(
            {key: first_inputs(state[key], own) for key, own in self.state_dict().items()}
        )

    def heads(self, probability: Float[Tensor, "B 1 H W"]) -> list[LocalizedPoints]:
        """The points of each image of a batch, from its localization map."""
        return [self.find_peaks(each) for each in probability[:, 0]]

    def _number_of_heads(self, probability: Tensor) -> Tensor:
        found = [len(each.xy) for each in self.heads(probability)]
        return torch.tensor(found, dtype=torch.float32, device=probability.device)


class LocalizationBranch(nn.Module):
    """From stride 8 to the probability of a head at every pixel.

    Args:
        output: From features to probabilities.
    """

    def __init__(self, output: LocalizationOutput = "sigmoid") -> None:
        super().__init__()
        layers = [*conv_relu_stack((_FEATURES,) * 4, dilation=_DILATION)]
        for i, o in _DECONVOLUTIONS:
            layers += [*_doubling(i, o), *conv_relu_stack((o, o), dilation=_DILATION)]
        self.features = nn.Sequential(*layers)
        self.output = nn.Conv2d(_RICH, 1 if output == "sigmoid" else 2, 1)
        init_kaiming(self.features)
        init_normal(self.output)

    def probability(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 1 H W"]:
        """Of a head, from the branch's features, in single precision at least.

        Of two logits it is the softmax, which is the sigmoid of their difference. The published
        network has a ReLU on both logits, so no single logit could stand for them.
        """
        logits = self.output(features)
        logits = at_least_float32(logits)
        if logits.shape[1] == 2:
            logits = F.relu(logits)
            logits = logits[:, 1:] - logits[:, :1]
        return steady_sigmoid(logits)


class ProposalBranch(nn.Module):
    """From the other branches' last features to attention in [0, 1] at every pixel.

    Args:
        counting: Sees features of a counting branch too.
    """

    def __init__(self, *, counting: bool) -> None:
        super().__init__()
        self.layers = conv_relu_stack((2 * _RICH if counting else _RICH, _RICH, _RICH))
        self.output = nn.Conv2d(_RICH, 1, 1)
        init_kaiming(self.layers)
        init_normal(self.output)

    def forward(
        self, place: Float[Tensor, "B C H W"], crowd: Float[Tensor, "B C h w"] | None = None
    ) -> Float[Tensor, "B 1 H W"]:
        """Attention, from features of the localization and the counting branch."""
        if crowd is not None:
            enlarged = F.interpolate(crowd, place.shape[-2:], mode="bilinear", align_corners=False)
            place = torch.cat([place, enlarged], dim=1)
        logits: Tensor = self.output(self.layers(place))
        return at_least_float32(logits).sigmoid()


def steady_sigmoid(logits: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Sigmoid in single precision that is never 0 or 1, and whose gradient never vanishes.

    Beyond some logit a probability is rounded to 1, where cross entropy has no slope; surely wrong
    pixels would stay so. Here the slope of the cross entropy is that of the logits everywhere.
    """
    probability: Tensor = (logits + (logits.clamp(*_STEADY) - logits).detach()).sigmoid()
    return probability


def _backbone(convolutions: BackboneConvs, pretrained: bool | Path) -> Backbone:
    if convolutions == 10:
        return Backbone("vgg16", reductions=(STRIDE,), pretrained=pretrained)
    backbone = Backbone("vgg16", reductions=(2 * STRIDE,), pretrained=pretrained)
    backbone.net["features_23"] = nn.Identity()  # the pooling before conv5_1
    return backbone


def _counting_branch(stride: CountingStride) -> nn.ModuleDict:
    features = [*conv_relu_stack(_COUNTING, dilation=_DILATION)]
    for _ in range((STRIDE // stride).bit_length() - 1):
        features += _doubling(_RICH, _RICH)
    branch = nn.ModuleDict({"features": nn.Sequential(*features), "output": nn.Conv2d(_RICH, 1, 1)})
    init_kaiming(branch["features"])
    init_normal(branch["output"])
    return branch


def _doubling(in_channels: int, out_channels: int) -> list[nn.Module]:
    """A transposed convolution that doubles the resolution."""
    return [
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1),
        nn.ReLU(inplace=True),
    ]


def first_inputs(value: Tensor, like: Tensor) -> Tensor:
    """A convolution's weight for its first input channels, as many as ``like`` has."""
    return value if value.shape == like.shape else value[:, : like.shape[1]]


def _receptive_field(backbone_convs: int, counting_stride: int | None, *, proposals: bool) -> int:
    """Pixels beyond a cell that any of the maps can depend on."""
    backbone = 42 + (backbone_convs - 10) * STRIDE
    place, stride = backbone + 3 * _DILATION * STRIDE, STRIDE
    for _ in _DECONVOLUTIONS:  # doubles the resolution, then a dilated convolution
        place, stride = place + stride, stride // 2
        place += _DILATION * stride
    if counting_stride is None:
        return place + 2 * proposals
    crowd, stride = backbone + (len(_COUNTING) - 1) * _DILATION * STRIDE, STRIDE
    while stride > counting_stride:
        crowd, stride = crowd + stride, stride // 2
    enlarging = stride + stride // 2 - 1
    return max(place, crowd + (enlarging + 2) * proposals)
