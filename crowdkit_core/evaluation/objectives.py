"""What a localizer is tuned for: precision, recall or F1 within a matching radius."""

import re
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from crowdkit_core.errors import UsageError
from crowdkit_core.evaluation.matching_radii import head_radii
from crowdkit_core.evaluation.protocols import shares
from crowdkit_core.interfaces import Annotation, Lengths
from crowdkit_core.metrics import match_points, matching_curve

SHARES = {"precision": "precision", "recall": "recall", "f1": "F1"}
_FORM = re.compile(r"(precision|recall|f1)@(sigma_s|sigma_l|\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of points matched within a radius, pooled over images.

    Attributes:
        share: ``precision``, ``recall`` or ``f1``.
        radius: Pixels, or ``sigma_s`` or ``sigma_l`` for the radii of the heads' boxes, as in the
            NWPU protocol.
    """

    share: str
    radius: float | str

    @classmethod
    def of(cls, text: str) -> "Objective":
        """An objective by its name.

        Raises:
            UsageError: It is none.

        Example:
            >>> Objective.of("f1@8"), Objective.of("recall@sigma_l")
            (Objective(share='f1', radius=8.0), Objective(share='recall', radius='sigma_l'))
        """
        form = _FORM.fullmatch(text)
        if form is None or form[2].strip("0.") == "":
            raise UsageError(
                f"--by {text!r}: expected precision, recall or f1 within a radius",
                hint="f1@8 is F1 within 8 pixels, f1@sigma_l that of the NWPU protocol",
            )
        radius = form[2]
        return cls(form[1], radius if radius.startswith("sigma") else float(radius))

    def require(self, annotation: Annotation) -> None:
        """Check that an image with heads has their boxes, where they are needed.

        Raises:
            UsageError: It has none.
        """
        if isinstance(self.radius, str) and not head_radii(annotation.lengths):
            raise UsageError(
                f"{self.share}@{self.radius} needs a box round each head, and {annotation.name} "
                "has none",
                hint="a radius in pixels needs none: f1@8",
            )

    def sums(
        self, found: Float[Tensor, "N 2"], heads: Float[Tensor, "M 2"], lengths: Lengths
    ) -> Float64[Tensor, "3"]:
        """Matches, points and heads of one image; arguments as of `Protocol.sums`."""
        if not isinstance(self.radius, str):
            matched = int(matching_curve(found, heads, radii=[self.radius])[0])
        elif len(heads):
            matched = len(match_points(found, heads, radius=head_radii(lengths)[self.radius]))
        else:
            matched = 0
        return torch.tensor([matched, len(found), len(heads)], dtype=torch.float64)

    def value(self, sums: Float64[Tensor, "*R 3"]) -> Float64[Tensor, "*R"]:
        """The share, of summed vectors."""
        return shares(*sums.unbind(-1))[SHARES[self.share]]
