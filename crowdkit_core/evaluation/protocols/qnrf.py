"""The localization protocol of UCF-QNRF: averages over matching radii of 1 to 100 pixels."""

import torch
from jaxtyping import Float64
from torch import Tensor

from crowdkit_core.evaluation.protocols.protocol import Rows
from crowdkit_core.evaluation.protocols.shanghaitech import ShanghaiTechProtocol


class QNRFProtocol(ShanghaiTechProtocol):
    """Means of precision and recall over the radii 1, 2, ..., 100 pixels, and the F1 of both.

    The F1 is the harmonic mean of the two means, as in published tables. Points are matched one to
    one, as many as possible at each radius; the paper matches greedily. Its area under a
    precision-recall curve is not given: the paper does not say how points are ranked for it (the
    metric ``ap`` ranks them by their scores).

    Reference: Idrees et al., Composition Loss for Counting, Density Map Estimation and
    Localization in Dense Crowds, ECCV 2018, section 5
    """

    name = "qnrf"
    title = "UCF-QNRF"
    note = (
        "points of all images pooled, matched one to one, as many as possible; the mean is over "
        "the radii 1, 2, ..., 100 px, its F1 that of mean precision and recall"
    )

    radii = tuple(float(radius) for radius in range(1, 101))
    shown = (5.0, 10.0, 50.0)
    """Radii with a row of their own."""

    def rows(self, sums: Float64[Tensor, "*R K"]) -> Rows:
        """The means, then a few radii alone."""
        every = super().rows(sums)
        means = {
            name: torch.stack([row[name] for row in every.values()]).mean(0)
            for name in ("precision", "recall")
        }
        both = means["precision"] + means["recall"]
        f1 = 2 * means["precision"] * means["recall"] / both.where(both > 0, 1.0)
        few = {name: every[name] for name in (f"{radius:g} px" for radius in self.shown)}
        return {"1 to 100 px": {**means, "F1": f1}, **few}
