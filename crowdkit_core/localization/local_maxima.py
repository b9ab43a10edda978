"""The `local-maxima` localizer: peaks of the density map."""

import math
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from kornia.filters import gaussian_blur2d
from torch import Tensor

from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import LocalizedPoints, Localizer, Prediction, Size
from crowdkit_core.localization.peaks import find_peaks
from crowdkit_core.localization.tried import Tried


class LocalMaxima(Localizer):
    """Points at the local maxima of the density map, as `find_peaks` finds them.

    A point's score is the (smoothed) density at its peak, in persons per cell.

    Args:
        smoothing: Standard deviation in image pixels of a Gaussian the map is blurred with
            first; 0 for none.
        min_distance: Peaks closer than this many image pixels, along x and along y, compete and
            the highest stays; neighbouring cells always compete.
        threshold: Least height of a peak, itself excluded.
        threshold_kind: ``relative``: ``threshold`` is a share of the map's highest value;
            ``absolute``: it is in persons per cell.
        match_count: Keep only as many of the highest peaks as the rounded count says.
        refine: Place each point between cells, at the top of a parabola through its neighbours.

    Raises:
        OptionsError: An option is out of its range.

    Example:
        >>> density = torch.tensor([[[[0.0, 0.0, 0.0], [0.0, 0.9, 0.0], [0.0, 0.0, 0.0]]]])
        >>> prediction = Prediction.from_density(density, stride=4)
        >>> LocalMaxima()(prediction, (12, 12))[0].xy.tolist()
        [[6.0, 6.0]]
    """

    def __init__(
        self,
        *,
        smoothing: Annotated[float, Tried(0.0, 2.0, 4.0, 8.0)] = 0.0,
        min_distance: Annotated[float, Tried(0.0, 8.0, 16.0)] = 0.0,
        threshold: Annotated[float, Tried(0.02, 0.05, 0.1, 0.2, 0.4)] = 0.1,
        threshold_kind: Literal["relative", "absolute"] = "relative",
        match_count: Annotated[bool, Tried(False, True)] = False,
        refine: Annotated[bool, Tried(False, True)] = False,
    ) -> None:
        super().__init__()
        for name, value in (
            ("smoothing", smoothing),
            ("min_distance", min_distance),
            ("threshold", threshold),
        ):
            if not 0 <= value < math.inf:
                raise OptionsError(f"{self.label}: {name} is {value}, expected 0 or more")
        if threshold_kind == "relative" and threshold >= 1:
            raise OptionsError(
                f"{self.label}: threshold is {threshold}, expected a share below 1",
                hint='for persons per cell set threshold_kind = "absolute"',
            )
        self.smoothing = smoothing
        self.min_distance = min_distance
        self.threshold = threshold
        self.threshold_kind = threshold_kind
        self.match_count = match_count
        self.refine = refine

    def forward(self, prediction: Prediction, size: Size) -> list[LocalizedPoints]:
        """Points of each image of the batch; arguments as of `Localizer.forward`.

        Raises:
            IncompatibleError: The prediction has no density map.
        """
        if prediction.density is None or prediction.stride is None:
            raise IncompatibleError(f"{self.label} needs a density map, the prediction has none")
        density = _blurred(prediction.density.detach(), self.smoothing / prediction.stride)
        return [
            self._points(values, prediction.stride, size, float(count))
            for values, count in zip(density[:, 0], prediction.count, strict=True)
        ]

    def _points(
        self, values: Float[Tensor, "h w"], stride: int, size: Size, count: float
    ) -> LocalizedPoints:
        scale = values.max().clamp_min(0).item() if self.threshold_kind == "relative" else 1.0
        xy, score = find_peaks(
            values,
            radius=max(1, math.ceil(self.min_distance / stride) - 1),
            threshold=self.threshold * scale,
            refine=self.refine,
        )
        if self.match_count:
            kept = max(0, round(count))
            xy, score = xy[:kept], score[:kept]
        frame = torch.tensor([size[1], size[0]], dtype=xy.dtype, device=xy.device)
        return LocalizedPoints((xy * stride).minimum(frame), score)


def _blurred(density: Float[Tensor, "B 1 h w"], sigma: float) -> Float[Tensor, "B 1 h w"]:
    if sigma == 0:
        return density
    side = 2 * math.ceil(3 * sigma) + 1
    blurred: Tensor = gaussian_blur2d(density, (side, side), (sigma, sigma), "replicate")
    return blurred
