"""What a protocol of localization is: sums over images, and the table that follows from them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from crowdkit_core.evaluation.bootstrap import Estimate, resampling_weights
from crowdkit_core.interfaces import Annotation, Lengths

Rows = dict[str, dict[str, Tensor]]
"""Values by row and column of a table, each of the shape of the sums without their last axis."""


class Protocol(ABC):
    """How a benchmark judges found points.

    Everything it needs of an image is a vector that is summed over images, so that resampling
    images costs a matrix product: points are pooled over all images (micro average).

    Attributes:
        name: By which it is asked for.
        title: How tables call it.
        note: What a reader of its numbers must know.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    note: ClassVar[str]

    def missing(self, annotation: Annotation) -> str:
        """What it needs of an image and the annotation lacks, in words; empty for nothing."""
        del annotation
        return ""

    @abstractmethod
    def sums(
        self, found: Float[Tensor, "N 2"], heads: Float[Tensor, "M 2"], lengths: Lengths
    ) -> Float64[Tensor, " K"]:
        """(K,) what one image adds.

        Args:
            found: (N, 2) points, pixels.
            heads: (M, 2) heads, pixels.
            lengths: Of these heads.
        """

    @abstractmethod
    def rows(self, sums: Float64[Tensor, "*R K"]) -> Rows:
        """The table of summed vectors; NaN where a value is undefined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolScores:
    """What a protocol says of all images.

    Attributes:
        name: The protocol's.
        title: How tables call it.
        note: What a reader must know.
        table: Values with 95 % bootstrap intervals over images, by row and column.
    """

    name: str
    title: str
    note: str
    table: Mapping[str, Mapping[str, Estimate]]


def protocol_scores(
    protocol: Protocol, images: Sequence[Float64[Tensor, " K"]], *, seed: int = 0
) -> ProtocolScores:
    """Score at least one image.

    Args:
        protocol: That gave the vectors.
        images: `Protocol.sums` of each image.
        seed: Of the bootstrap.
    """
    each = torch.stack(list(images))
    total = protocol.rows(each.sum(0))
    resampled = protocol.rows(resampling_weights(len(images), seed=seed) @ each)
    return ProtocolScores(
        name=protocol.name,
        title=protocol.title,
        note=protocol.note,
        table={
            row: {name: Estimate.of(value, resampled[row][name]) for name, value in values.items()}
            for row, values in total.items()
        },
    )


def shares(matched: Tensor, predicted: Tensor, actual: Tensor) -> dict[str, Tensor]:
    """Precision, recall and F1, by the rules of `metrics.LocalizationScores`.

    Example:
        >>> numbers = (torch.tensor(each).double() for each in (2, 4, 2))
        >>> {name: round(value.item(), 3) for name, value in shares(*numbers).items()}
        {'precision': 0.5, 'recall': 1.0, 'F1': 0.667}
    """
    nothing = (predicted == 0) & (actual == 0)
    return {
        name: torch.where(nothing, 1.0, matched / whole.where(whole > 0, 1.0))
        for name, whole in (
            ("precision", predicted),
            ("recall", actual),
            ("F1", (predicted + actual) / 2),
        )
    }
