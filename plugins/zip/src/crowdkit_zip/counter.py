"""ZIP: each block of an image is empty for certain, or holds a Poisson number of people."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Counter, Dataset, MapSpec, Prediction
from crowdkit_core.networks import (
    Backbone,
    Normalization,
    Normalize,
    crop_map,
    init_normal,
    pad_to_multiple,
)
from crowdkit_core.precision import at_least_float32
from crowdkit_core.weights import WeightsFile
from crowdkit_zip.blocks import BINS, fit_centres, middle_of_bins
from crowdkit_zip.network import Refiner, decoded_channels, decoder
from crowdkit_zip.published import in_order, is_published, published_options, translate

BlockSize = Literal[8, 16, 32]
"""Pixels per side of a block, which is a cell of the density map."""


class ZIP(Counter):
    """A backbone, a refiner, a decoder, and two 1x1 convolutions that classify blocks.

    Ma, Sanchez and Guha, "ZIP: Scalable Crowd Counting via Zero-Inflated Poisson Modeling", 2025.
    One output says whether a block can hold people at all (``attention``), the other classifies
    the number of people there (``bins``); the mean of the bins' centres by their probabilities is
    the rate of a Poisson distribution (``rate``), and what a block counts is the expectation
    ``attention * rate``. With ``zero_inflated=False`` it is plain blockwise classification (EBC,
    arXiv 2403.09281), nobody being one of the bins.

    Published: Pico ``mobilenetv4_conv_small_050``, Nano ``mobilenetv4_conv_small``, and Tiny
    ``mobilenetv4_conv_medium`` with two convolutions.

    Args:
        backbone: Any convolutional timm network with a feature at ``reduction``.
        pretrained: True fetches the backbone's ImageNet weights; a path reads them from a file;
            False starts at random.
        block_size: Pixels per block side.
        bins: Least count of each bin, ascending from 0; None for the paper's (`BINS`).
        centres: What each bin counts; None for the mean of the training set's blocks in it.
        zero_inflated: Tell blocks that cannot hold people from those that happen to be empty.
        least_attention: Outside training, a block with no more of it counts nobody, one with twice
            as much or more in full, and those between a part that grows from none to all. Many
            doubtful blocks of a wall or a tree otherwise add up to people. Ours: 0, the paper's,
            counts all in full.
        reduction: Pixels per cell of the features that are refined to blocks.
        convolutions: Of each residual block: 1 in Pico and Nano, 2 in Tiny.
        groups: Of their 3x3 convolutions; None for one per channel, as in all three.
        laterals: Add the backbone's own features at each resolution the refiner comes by. Ours:
            the paper refines the deepest alone.
        normalization: Of the input; the paper's is CLIP's.

    Raises:
        OptionsError: Bins or centres that are no bins or centres, a reduction finer than the
            blocks, or a least attention above 0.5 or without ``zero_inflated``.
    """

    centres: Tensor

    def __init__(
        self,
        *,
        backbone: str = "mobilenetv4_conv_small",
        pretrained: bool | Path = False,
        block_size: BlockSize = 16,
        bins: tuple[int, ...] | None = None,
        centres: tuple[float, ...] | None = None,
        zero_inflated: bool = True,
        least_attention: float = 0.0,
        reduction: BlockSize = 32,
        convolutions: Literal[1, 2] = 1,
        groups: int | None = None,
        laterals: bool = False,
        normalization: Normalization = "clip",
    ) -> None:
        super().__init__()
        bins = BINS[block_size] if bins is None else bins
        _check(bins, centres)
        _check_attention(least_attention, zero_inflated=zero_inflated)
        if reduction < block_size:
            raise OptionsError(
                f"reduction is {reduction}, must be at least block_size ({block_size})"
            )
        self.block_size = block_size
        self.least_attention = least_attention
        self.convolutions = convolutions
        self.size_multiple = reduction
        self.bins = bins
        self.centres_are_given = centres is not None
        first = middle_of_bins(bins) if centres is None else torch.tensor(centres)
        self.register_buffer("centres", first)
        self.outputs = _outputs(bins, block_size, zero_inflated=zero_inflated)
        self.normalize = Normalize(normalization)
        doublings = [each for each in (8, 16) if block_size <= each < reduction]
        reductions = (*doublings, reduction) if laterals else (reduction,)
        self.backbone = Backbone(backbone, reductions=reductions, pretrained=pretrained)
        *beside, channels = self.backbone.channels
        _check_groups(groups, channels)
        self.refiner = Refiner(
            channels,
            beside[::-1] or [None] * len(doublings),
            convolutions=convolutions,
            groups=groups,
        )
        self.decoder = decoder(channels, convolutions=convolutions, groups=groups)
        decoded = decoded_channels(channels)
        self.attention_head = nn.Conv2d(decoded, 2, 1) if zero_inflated else None
        self.bin_head = nn.Conv2d(decoded, self.outputs["bins"].channels, 1)
        init_normal(self.bin_head)
        if self.attention_head is not None:
            init_normal(self.attention_head)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count."""
        size = (images.shape[-2], images.shape[-1])
        *beside, deepest = self.backbone(
            pad_to_multiple(self.normalize(images), self.size_multiple)
        )
        features = self.decoder(self.refiner(deepest, beside[::-1]))
        logits = at_least_float32(self.bin_head(features))
        rate = (logits.softmax(1) * self._centres_of_bins()).sum(1, keepdim=True)
        maps = {"bins": logits}
        density = rate
        if self.attention_head is not None:
            attention = at_least_float32(self.attention_head(features)).softmax(1)[:, 1:]
            density = self._without_doubtful(attention * rate, attention)
            maps |= {"rate": rate, "attention": attention}
        stride = self.block_size
        cropped = {name: crop_map(each, size, stride) for name, each in maps.items()}
        return Prediction.from_density(crop_map(density, size, stride), stride, maps=cropped)

    def fit(self, dataset: Dataset) -> None:
        """Take the mean of the training set's blocks in each bin for its centre."""
        if not self.centres_are_given:
            self.centres.copy_(fit_centres(dataset, self.bins, self.block_size))

    @property
    def receptive_field(self) -> int | None:  # type: ignore[override]  # found when asked for
        """Pixels beyond a block that can change it; None for more than 500 or so."""
        reach, stride = self.backbone.receptive_field, self.size_multiple
        if reach is None:
            return None
        for _ in self.refiner.blocks:
            reach, stride = reach + stride, stride // 2
            reach += stride * self.convolutions
        return reach + stride * self.convolutions * len(self.decoder)

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the published layout (``backbone.encoder.*``, ``pi_head.*``, ``bin_centers``)."""
        return translate(state) if is_published(state) else dict(state)

    def without_unused(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Name a published file's refiner and decoder as here; see `in_order`."""
        return in_order(state, self.state_dict())

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Of a published file: backbone, bins and block size, by its shapes."""
        published = published_options(file.state) if is_published(file.state) else {}
        return {**published, **super().options_from_weights(file)}

    def _without_doubtful(
        self, density: Float[Tensor, "B 1 h w"], attention: Float[Tensor, "B 1 h w"]
    ) -> Float[Tensor, "B 1 h w"]:
        """In training every block counts, or one that is wrongly doubted would not learn by it."""
        least = self.least_attention
        if self.training or not least:
            return density
        # Not a step, across which float16 or another scale would change what a block counts.
        return density * ((attention - least) / least).clamp(0, 1)

    def _centres_of_bins(self) -> Tensor:
        """(1, C, 1, 1) of the bins that are classified: nobody is none of them beside attention."""
        return self.centres[-self.outputs["bins"].channels :].view(1, -1, 1, 1)


def _outputs(bins: tuple[int, ...], block_size: int, *, zero_inflated: bool) -> dict[str, MapSpec]:
    classified = bins[1:] if zero_inflated else bins
    outputs = {
        "density": MapSpec("density", block_size),
        "bins": MapSpec("bins", block_size, len(classified), classified),
    }
    if zero_inflated:
        outputs["rate"] = MapSpec("rate", block_size)
        outputs["attention"] = MapSpec("attention", block_size)
    return outputs


def _check(bins: tuple[int, ...], centres: tuple[float, ...] | None) -> None:
    ascending = all(low < high for low, high in pairwise(bins))
    if len(bins) < 2 or bins[0] != 0 or not ascending:
        raise OptionsError(
            f"bins is {list(bins)}, expected two or more counts ascending from 0",
            hint="bins = [0, 1, 2, 3, 4] has one bin each up to 3 and one for 4 and more",
        )
    if centres is None:
        return
    if len(centres) != len(bins) or not all(low < high for low, high in pairwise(centres)):
        raise OptionsError(
            f"centres is {list(centres)}, expected one of each of the {len(bins)} bins, ascending"
        )
    if not centres[0] >= 0:
        raise OptionsError(f"centres begins with {centres[0]}, expected 0 or more")


def _check_attention(least: float, *, zero_inflated: bool) -> None:
    if not 0 <= least <= 0.5:
        raise OptionsError(f"least_attention is {least}, expected 0 to 0.5")
    if least and not zero_inflated:
        raise OptionsError(
            f"least_attention is {least} where zero_inflated is false, which has no attention"
        )


def _check_groups(groups: int | None, channels: int) -> None:
    if groups is None:
        return
    if groups < 1 or any(each % groups for each in (channels, decoded_channels(channels))):
        raise OptionsError(
            f"groups is {groups}, which does not divide the {channels} channels of the backbone"
            f" and the {decoded_channels(channels)} of the decoder"
        )
