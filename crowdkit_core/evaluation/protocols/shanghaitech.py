"""The localization tables of ShanghaiTech: matched within 4 and within 8 pixels."""

from typing import ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from crowdkit_core.evaluation.protocols.protocol import Protocol, Rows, shares
from crowdkit_core.interfaces import Lengths
from crowdkit_core.metrics import matching_curve

RADII = (4.0, 8.0)
"""Pixels."""


class ShanghaiTechProtocol(Protocol):
    """Precision, recall and F1 of points matched one to one within 4 and 8 pixels.

    Reference: so reported for ShanghaiTech A since Liang et al., Focal Inverse Distance Transform
    Maps for Crowd Localization, IEEE Transactions on Multimedia 2022
    """

    name = "shanghaitech"
    title = "ShanghaiTech"
    note = "points of all images pooled, matched one to one, as many as possible"

    radii: ClassVar[tuple[float, ...]] = RADII

    def sums(
        self,
        found: Float[Tensor, "N 2"],
        heads: Float[Tensor, "M 2"],
        lengths: Lengths,  # noqa: ARG002  # one radius for all heads
    ) -> Float64[Tensor, " K"]:
        """Matches at each radius, then points and heads."""
        matched = matching_curve(found, heads, radii=self.radii)
        return torch.cat([matched, torch.tensor([len(found), len(heads)])]).double()

    def rows(self, sums: Float64[Tensor, "*R K"]) -> Rows:
        """A row for each radius."""
        *matched, predicted, actual = sums.unbind(-1)
        return {
            f"{radius:g} px": shares(each, predicted, actual)
            for radius, each in zip(self.radii, matched, strict=True)
        }
