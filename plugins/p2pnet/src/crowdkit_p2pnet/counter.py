"""The counter `p2pnet`: four points are proposed in each cell of 8 pixels, and scored."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Counter, MapSpec, Prediction, Size, predict_points
from crowdkit_core.networks import (
    Backbone,
    Normalization,
    Normalize,
    crop_map,
    pad_to_multiple,
)
from crowdkit_core.weights import WeightsFile
from crowdkit_p2pnet.network import Head, Pyramid
from crowdkit_p2pnet.published import is_published, published_options, translate

STRIDE = 8
REDUCTIONS = (STRIDE, 2 * STRIDE)

OFFSET = 100.0
"""Pixels that a one of the regression head is."""


class P2PNet(Counter):
    """Proposes points where people are, each with the probability that somebody is there.

    Song et al., "Rethinking Counting and Localization in Crowds: A Purely Point-Based Framework",
    ICCV 2021. Features of strides 8 and 16 become one map of stride 8, behind which one head moves
    the reference points of each cell and another scores them. The count is the number of points
    that score more than ``threshold``; there is no density map.

    The published network has convolutions whose output nothing reads (P3_1, P3_2 and P5_2 of the
    pyramid, conv3 and conv4 of both heads); they are not built here, and left out of its files.

    Args:
        backbone: Any convolutional timm network with features at reductions 8 and 16.
        pretrained: True fetches the backbone's ImageNet weights; a path reads them from a file in
            torchvision's or timm's layout; False starts at random.
        rows: Reference points of a cell, one below the other.
        columns: Reference points of a cell, side by side.
        width: Channels of the pyramid and of the heads.
        threshold: Least score of a point that counts, itself excluded.
        normalization: Of the input.

    Raises:
        OptionsError: An option out of its range.
    """

    size_multiple = REDUCTIONS[-1]
    finds_points = True

    def __init__(
        self,
        *,
        backbone: str = "vgg16_bn",
        pretrained: bool | Path = False,
        rows: int = 2,
        columns: int = 2,
        width: int = 256,
        threshold: float = 0.5,
        normalization: Normalization = "imagenet",
    ) -> None:
        super().__init__()
        for name, value in (("rows", rows), ("columns", columns)):
            if not 1 <= value <= STRIDE:
                raise OptionsError(f"{name} is {value}, expected 1 to {STRIDE}")
        if width < 1:
            raise OptionsError(f"width is {width}, expected 1 or more")
        if not 0 <= threshold < 1:
            raise OptionsError(f"threshold is {threshold}, expected 0 or more, below 1")
        self.threshold = threshold
        references = reference_points(rows, columns)
        channels = 2 * len(references)
        self.outputs = {
            "offsets": MapSpec(
                "offsets", STRIDE, channels, references=references, scored_by="proposals"
            ),
            "proposals": MapSpec("proposals", STRIDE, channels),
        }
        # The least image in which a reference point lies.
        self.min_size = (int(STRIDE / rows / 2) + 1, int(STRIDE / columns / 2) + 1)
        self.normalize = Normalize(normalization)
        self.backbone = Backbone(backbone, reductions=REDUCTIONS, pretrained=pretrained)
        fine, coarse = self.backbone.channels
        self.pyramid = Pyramid((fine, coarse), width)
        self.regression = Head(width, channels)
        self.classification = Head(width, channels)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Points of every image, and the maps they are read from."""
        size = (images.shape[-2], images.shape[-1])
        padded = pad_to_multiple(self.normalize(images), self.size_multiple)
        features = self.pyramid(*self.backbone(padded))
        maps = {
            "offsets": OFFSET * self.regression(features),
            "proposals": self.classification(features),
        }
        return self.read_maps({n: crop_map(m, size, STRIDE) for n, m in maps.items()}, size)

    def read_maps(self, maps: Mapping[str, Tensor], size: Size) -> Prediction:
        """Count the points that score enough."""
        return predict_points(maps, self.outputs, size, threshold=self.threshold)

    @property
    def receptive_field(self) -> int | None:  # type: ignore[override]  # found when asked for
        """Pixels beyond a cell that can change it; None for more than 500 or so."""
        reach = self.backbone.receptive_field
        # From a cell of the backbone to half of it, and four convolutions one after the other.
        return None if reach is None else reach + STRIDE + 4 * STRIDE

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the published layout (``backbone.body1.*``, ``fpn.*``), without what is unused."""
        return translate(state) if is_published(state) else dict(state)

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Of a published file: the reference points of a cell, where they form a square."""
        published = published_options(file.state) if is_published(file.state) else {}
        return {**published, **super().options_from_weights(file)}


def reference_points(rows: int, columns: int) -> tuple[tuple[float, float], ...]:
    """(x, y) of evenly spread points of a cell in pixels, row by row.

    Example:
        >>> reference_points(2, 2)
        ((2.0, 2.0), (6.0, 2.0), (2.0, 6.0), (6.0, 6.0))
    """
    return tuple(
        ((column + 0.5) * STRIDE / columns, (row + 0.5) * STRIDE / rows)
        for row in range(rows)
        for column in range(columns)
    )
