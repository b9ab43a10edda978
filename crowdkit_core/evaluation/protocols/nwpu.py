"""The localization protocol of NWPU-Crowd: radii from the heads' boxes, recall by head area."""

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from crowdkit_core.evaluation.matching_radii import head_radii
from crowdkit_core.evaluation.protocols.protocol import Protocol, Rows, shares
from crowdkit_core.interfaces import Annotation, Lengths
from crowdkit_core.metrics import match_points

RADII = ("sigma_l", "sigma_s")
AREAS = (10.0, 100.0, 1e3, 1e4, 1e5)
"""Square pixels; the largest box of each level of head area but the last."""
_LEVELS = len(AREAS) + 1


class NWPUProtocol(Protocol):
    """Precision, recall and F1 within each head's own radii, and recall by area of its box.

    ``sigma_l`` is half the diagonal of a head's box, ``sigma_s`` half its shorter side; a point on
    the radius matches. A0 are boxes of at most 10 square pixels, A1 of more, up to 100, and so on
    by factors of 10 to A5, of more than 100,000. A found point has no box, so levels have a recall
    alone; levels without heads are left out of their mean.

    The benchmark's program takes any matching with the most pairs; of those, the one with the
    least distances is taken here, which leaves the totals as they are and may move a head from one
    level's recall to another's. It reads radii and points rounded to whole pixels; here they are
    not rounded.

    Reference: Wang et al., NWPU-Crowd: A Large-Scale Benchmark for Crowd Counting and
    Localization, IEEE TPAMI 2021
    """

    name = "nwpu"
    title = "NWPU-Crowd"
    note = (
        "points of all images pooled, matched one to one, as many as possible; sigma_l is half the "
        "diagonal, sigma_s half the shorter side of a head's box; A0 to A5: boxes of up to 10, "
        "100, ..., 100000 square pixels and more"
    )

    def missing(self, annotation: Annotation) -> str:
        """Boxes, in an image with heads."""
        boxed = head_radii(annotation.lengths) or not len(annotation.points)
        return "" if boxed else "a box round each head"

    def sums(
        self, found: Float[Tensor, "N 2"], heads: Float[Tensor, "M 2"], lengths: Lengths
    ) -> Float64[Tensor, " K"]:
        """Points; heads of each level; matched heads of each level at either radius."""
        points = torch.tensor([len(found)])
        if not len(heads):
            return torch.cat([points, torch.zeros(_LEVELS * (1 + len(RADII)))]).double()
        level = head_levels(lengths)
        matched = [
            level[match_points(found, heads, radius=head_radii(lengths)[name]).actual]
            for name in RADII
        ]
        by_level = [torch.bincount(each, minlength=_LEVELS) for each in (level, *matched)]
        return torch.cat([points, *by_level]).double()

    def rows(self, sums: Float64[Tensor, "*R K"]) -> Rows:
        """For either radius all heads, then the recall of each level and their mean."""
        predicted = sums[..., 0]
        heads, *matched = torch.split(sums[..., 1:], _LEVELS, dim=-1)
        return {
            label: values
            for radius, hits in zip(RADII, matched, strict=True)
            for label, values in self._rows(radius, hits, predicted, heads).items()
        }

    def _rows(self, radius: str, hits: Tensor, predicted: Tensor, heads: Tensor) -> Rows:
        recalls = (hits / heads).where(heads > 0, torch.nan)  # of each level
        levels = {
            **{f"A{level}": recall for level, recall in enumerate(recalls.unbind(-1))},
            "mean of A0 to A5": recalls.nanmean(-1),
        }
        undefined = torch.full_like(predicted, torch.nan)
        return {
            radius: shares(hits.sum(-1), predicted, heads.sum(-1)),
            **{
                f"{radius}, {name}": {"precision": undefined, "recall": recall, "F1": undefined}
                for name, recall in levels.items()
            },
        }


def head_levels(lengths: Lengths) -> Int64[Tensor, " M"]:
    """Level of the area of each head's box, 0 to 5.

    Example:
        >>> sides = torch.tensor([3.0, 10.0, 11.0])
        >>> head_levels({"head_width": sides, "head_height": sides}).tolist()
        [0, 1, 2]
    """
    area = lengths["head_width"].double() * lengths["head_height"].double()
    return torch.bucketize(area, torch.tensor(AREAS, dtype=torch.float64))
