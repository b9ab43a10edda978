"""Choose the regions to zoom into: rectangles of high mean attention."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import nms

from crowdkit_core.errors import OptionsError, require_at_least_one
from crowdkit_core.interfaces import Size

HEIGHT_TO_WIDTH = (1.0, 0.5, 2.0)
"""Shapes of the anchors; those of one scale have the same area."""

SIDES = (1 / 3, 2 / 3)
"""Scales of the anchors: side of the square one, as a share of the image's shorter side."""

_UNITS = 2**32  # in a value of 1; two thousand million pixels fit an int64


@dataclass(frozen=True, slots=True)
class Regions:
    """Rectangles of one image, highest mean attention first.

    Attributes:
        boxes: (K, 4) x0, y0, x1, y1 in pixels: columns [x0, x1), rows [y0, y1).
        attention: (K,) mean attention inside.
    """

    boxes: Int64[Tensor, "K 4"]
    attention: Float64[Tensor, " K"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSearch:
    """Options of `propose_regions`.

    Attributes:
        samples: Pixels that anchors are laid round; the paper's m.
        threshold: Least mean attention of a region; the paper's theta_z.
        overlap: Greatest intersection over union of two regions.
        keep: Regions at most; the paper's k_z.
        seed: Of the pixels. They depend on it and the image's size alone.

    Raises:
        OptionsError: A value out of its range.
    """

    samples: int = 200
    threshold: float = 0.01
    overlap: float = 0.5
    keep: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        require_at_least_one({"search.samples": self.samples, "search.keep": self.keep})
        for name in ("threshold", "overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionsError(f"search.{name} is {getattr(self, name)}, expected 0 to 1")

    def __call__(self, attention: Float[Tensor, "H W"]) -> Regions:
        """The regions of an image, highest mean attention first."""
        return propose_regions(
            attention,
            generator=torch.Generator().manual_seed(self.seed),
            samples=self.samples,
            threshold=self.threshold,
            iou=self.overlap,
            keep=self.keep,
        )


def propose_regions(
    attention: Float[Tensor, "H W"],
    *,
    generator: torch.Generator,
    samples: int = 200,
    threshold: float = 0.01,
    iou: float = 0.5,
    keep: int = 10,
) -> Regions:
    """Choose the regions of a map that are worth zooming into.

    Region search of Liu, Weng and Mu, CVPR 2019, section 3.1: around pixels drawn at random lie
    anchors of two scales and three shapes; those of low mean attention are dropped, and of two
    that overlap much the lower one. Anchors are cut at the border and their means taken inside.

    Args:
        attention: (H, W) in [0, 1].
        generator: Draws the pixels, evenly over the image, each perhaps more than once; the same
            state and size give the same pixels on every device if it is a CPU generator.
        samples: Pixels drawn; the paper's m.
        threshold: Least mean attention; the paper's theta_z.
        iou: Greatest intersection over union of two regions.
        keep: Regions at most; the paper's k_z.

    Returns:
        At most ``keep`` regions, on the map's device.

    Example:
        >>> attention = torch.zeros(30, 60)
        >>> attention[10:20, 20:30] = 1
        >>> regions = propose_regions(attention, generator=torch.Generator().manual_seed(0))
        >>> bool((regions.attention >= 0.01).all()), len(regions.boxes) <= 10
        (True, True)
    """
    height, width = attention.shape
    pixels = torch.randint(
        height * width, (samples,), generator=generator, device=generator.device
    ).to(attention.device)
    centres = torch.stack([pixels % width, pixels // width], dim=1)
    boxes = anchors(centres, (height, width))
    means = box_means(attention, boxes)
    worthy = means >= threshold
    boxes, means = boxes[worthy], means[worthy]
    chosen = nms(boxes.double(), means, iou)[:keep]
    return Regions(boxes[chosen], means[chosen])


def anchors(centres: Int64[Tensor, "N 2"], size: Size) -> Int64[Tensor, "A 4"]:
    """All anchors round some pixels, cut at the border.

    Args:
        centres: (N, 2) column and row of pixels.
        size: (H, W) of the image.

    Returns:
        (N * scales * shapes, 4) x0, y0, x1, y1; each holds its centre pixel.
    """
    shapes = torch.tensor(
        [
            [max(1, round(min(size) * side * stretch)) for stretch in (ratio**-0.5, ratio**0.5)]
            for side in SIDES
            for ratio in HEIGHT_TO_WIDTH
        ],
        device=centres.device,
    )
    first = centres[:, None] - shapes // 2
    last = first + shapes
    frame = centres.new_tensor([size[1], size[0]])
    boxes = torch.cat([first.clamp_min(0), last.minimum(frame)], dim=-1)
    return boxes.flatten(0, 1)


def box_means(values: Float[Tensor, "H W"], boxes: Int64[Tensor, "A 4"]) -> Float64[Tensor, " A"]:
    """Mean of a map over rectangles, all at once from its integral image.

    Args:
        values: (H, W) in [0, 1]; kept to 1e-10.
        boxes: (A, 4) x0, y0, x1, y1 inside the map, of at least one pixel.

    Example:
        >>> box_means(torch.tensor([[1.0, 2.0], [3.0, 6.0]]), torch.tensor([[0, 1, 2, 2]]))
        tensor([4.5000], dtype=torch.float64)
    """
    # Whole numbers add up without rounding and in any order: small boxes of large maps keep their
    # digits, and every device finds the same regions, also where only deterministic sums may run.
    units = (values.double() * _UNITS).round().long()
    integral = F.pad(units.cumsum(0).cumsum(1), (1, 0, 1, 0))
    x0, y0, x1, y1 = boxes.T
    total = integral[y1, x1] - integral[y0, x1] - integral[y1, x0] + integral[y0, x0]
    means: Tensor = total.double() / ((x1 - x0) * (y1 - y0)) / _UNITS
    return means
