"""The metric contract: predictions and annotations in, numbers for an evaluation's report out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from jaxtyping import Bool, Float
from torch import Tensor

from crowdkit_core.interfaces.origin import Component
from crowdkit_core.interfaces.points import LocalizedPoints


class Metric(Component, ABC):
    """Measures more than errors of counts in an evaluation; see `MapMetric` and `PointMetric`.

    Attributes:
        title: How tables call it, with its unit if it has one: ``PSNR (dB)``.
        digits: Decimals in tables.
        higher_is_better: Whether more of it is better.
        note: What a reader of its numbers must know, printed below their table; empty for nothing.
    """

    kind: ClassVar[str] = "metric"

    title: str = ""
    digits: int = 3
    higher_is_better: bool = True
    note: str = ""


class MapMetric(Metric):
    """Compares density maps, image by image.

    Evaluation brings the predicted map to full resolution, has a density generator make the map of
    the annotated points, and reports the mean over images with its bootstrap interval. Images on
    which the metric is not finite are left out of the mean.
    """

    @abstractmethod
    def by_image(
        self,
        predicted: Float[Tensor, "B 1 H W"],
        target: Float[Tensor, "B 1 H W"],
        roi: Bool[Tensor, "B H W"],
    ) -> Float[Tensor, " B"]:
        """The metric of each image.

        Args:
            predicted: (B, 1, H, W) persons per pixel, of the counter.
            target: (B, 1, H, W) persons per pixel, of the annotated points.
            roi: (B, H, W) where people count; cells elsewhere must not matter.

        Returns:
            (B,); NaN or infinite where it is undefined.
        """


class PointMetric(Metric):
    """Compares found points, ranked by their score, with heads, over all images at once.

    Evaluation prints the numbers as a table; the first column is the one that tables of many runs
    show.
    """

    @abstractmethod
    def over_images(
        self, found: Sequence[LocalizedPoints], heads: Sequence[Float[Tensor, "M 2"]]
    ) -> Mapping[str, Mapping[str, float]]:
        """The numbers of a set of images.

        Args:
            found: Of each image, the points inside its region with their scores.
            heads: Of each image, the (M, 2) annotated heads inside its region, pixels.

        Returns:
            By row and column of the table, every row with the same columns:
            ``{"5 px": {"mAP": 0.71, "AP.50": 0.9}}``.
        """
