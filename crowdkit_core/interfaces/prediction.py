"""The prediction of a counter for a batch of images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces.points import LocalizedPoints, points_inside

MapKind = Literal[
    "density", "localization", "attention", "classes", "bins", "rate", "offsets", "proposals"
]
"""What a map's values mean: persons per cell, probability of a head, weight in [0, 1], class
logits over channels, the same where each class is a range of counts (`MapSpec.bins`), the
persons per cell that a Poisson distribution expects, pixels to add to the reference points of each
cell (`MapSpec.references`), or whether a person is at each of those points: two logits, nobody's
first. The last two are read by `proposals_of`."""


@dataclass(frozen=True, slots=True)
class MapSpec:
    """Declares a map of a counter before it runs.

    Attributes:
        kind: What the values mean.
        stride: Pixels per cell side: (ceil(H / stride), ceil(W / stride)) cells.
        channels: Number of channels.
        bins: Least number of persons per cell of each class, ascending, of a map of kind
            ``bins``: (0, 1, 3) are nobody, one or two, and at least three. Empty for other kinds.
        references: (x, y) of each reference point of a map of kind ``offsets``, in pixels from
            its cell's top left corner; K points have 2 K channels, x and y of each in turn. Empty
            for other kinds.
        scored_by: Name of the map of kind ``proposals`` that scores them, two channels a point;
            empty for other kinds.
    """

    kind: MapKind
    stride: int
    channels: int = 1
    bins: tuple[int, ...] = ()
    references: tuple[tuple[float, float], ...] = ()
    scored_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Counts, maps and points of a batch of images.

    Attributes:
        count: (B,) estimated number of people.
        density: (B, 1, h, w) persons per cell at ``stride``; None for a pure count.
        stride: Stride of ``density``; None without one.
        maps: Named auxiliary maps, each (B, C, h, w); what they mean stands in the counter's
            ``outputs`` under the same name.
        counts: Named alternative counts, each (B,), that `crowdkit eval` reports beside
            ``count`` (such as those of auxiliary branches).
        count_maps: The density maps, as predictions, that entries of ``counts`` are the sums of, by
            the same names; through them those counts can be restricted to a region.
        points: Where the counter itself found people in each image, for example by zooming;
            None for one that leaves this to a localizer. Without a density map, and unless the
            count is regressed, they are what is counted.
        outputs: The counter's ``outputs``: kind and stride of every map by name. Calling a counter
            fills it in, so that a loss can find all maps of a kind.
        direct_count: The counter's ``direct_count``, filled in likewise.
    """

    count: Float[Tensor, " B"]
    density: Float[Tensor, "B 1 h w"] | None = None
    stride: int | None = None
    maps: Mapping[str, Tensor] = field(default_factory=dict)
    counts: Mapping[str, Tensor] = field(default_factory=dict)
    count_maps: Mapping[str, "Prediction"] = field(default_factory=dict)
    points: Sequence[LocalizedPoints] | None = None
    outputs: Mapping[str, MapSpec] = field(default_factory=dict)
    direct_count: bool = False

    @classmethod
    def from_density(
        cls,
        density: Float[Tensor, "B 1 h w"],
        stride: int,
        *,
        maps: Mapping[str, Tensor] | None = None,
    ) -> "Prediction":
        """A prediction whose count is the sum of its density map.

        A half-precision map becomes float32: half precision cannot add up a crowd.
        """
        if density.dtype in (torch.float16, torch.bfloat16):
            density = density.float()
        count = density.flatten(1).sum(1)
        return cls(count=count, density=density, stride=stride, maps=maps or {})

    @property
    def counts_points(self) -> bool:
        """Whether the count is the number of the points."""
        return self.density is None and self.points is not None and not self.direct_count

    def is_sum_of_density(self) -> bool:
        """Whether every count is the sum of its density map, to rounding."""
        if self.density is None:
            return False
        sums = self.density.flatten(1).sum(1).to(self.count)
        return torch.allclose(self.count, sums, rtol=1e-4, atol=1e-3)

    def count_inside(self, roi: Bool[Tensor, "B H W"]) -> Float[Tensor, " B"]:
        """(B,) people inside a region; a cell counts by the share of it that lies inside.

        Raises:
            IncompatibleError: The prediction has neither a density map nor points to restrict.
        """
        if self.points is not None and self.counts_points:
            inside = [points_inside(p.xy, r).sum() for p, r in zip(self.points, roi, strict=True)]
            return torch.stack(inside).to(self.count)
        density, stride = self.to_restrict()
        return (density * cell_shares(roi, stride)).flatten(1).sum(1)

    def to_restrict(self) -> tuple[Float[Tensor, "B 1 h w"], int]:
        """The density map and its stride, to count in a part of.

        Raises:
            IncompatibleError: The prediction has none.
        """
        if self.density is None or self.stride is None:
            raise IncompatibleError(
                "a count without a density map cannot be restricted to a region",
                hint="use a counter that predicts density, or blank the image outside the region",
            )
        return self.density, self.stride


def cell_shares(roi: Bool[Tensor, "B H W"], stride: int) -> Float[Tensor, "B 1 h w"]:
    """Share of each stride-``stride`` cell, of its part inside the frame, that the region covers.

    Example:
        >>> import torch
        >>> roi = torch.tensor([[[True, True, False]]])
        >>> cell_shares(roi, 2).tolist()
        [[[[1.0, 0.0]]]]
    """
    shares: Tensor = F.avg_pool2d(roi.unsqueeze(1).float(), stride, ceil_mode=True)
    return shares
