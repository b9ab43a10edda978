"""The `raz-peaks` localizer: heads at the peaks of an averaged map."""

from typing import Annotated

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core import localization
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Counter, LocalizedPoints, Localizer, Prediction, Size
from crowdkit_core.localization import Tried


def find_peaks(
    values: Float[Tensor, "h w"],
    *,
    threshold: float = 0.5,
    refine: bool = False,
    window: int = 3,
) -> LocalizedPoints:
    """Peaks of a map after averaging it, best first.

    Section 3.1 of Liu, Weng and Mu, CVPR 2019: an average over 3 x 3 cells, those beyond the
    border 0, then the cells equal to the maximum of the 3 x 3 round them. A plateau, which a
    lone bright cell becomes by the average, is one peak at its middle. The paper names no
    threshold; 0.5 is that of the NWPU-Crowd benchmark's reproduction.

    Args:
        values: (h, w) probability of a head, or any map that is high on heads.
        threshold: Least averaged value, itself excluded.
        refine: Move each peak to the top of the parabolas through it and its neighbours.
        window: Cells to a side of both squares, an odd number of 3 or more.

    Returns:
        (N, 2) (x, y) in cells, corner convention, and the averaged values there.

    Example:
        >>> import torch
        >>> found = find_peaks(torch.eye(3), threshold=0.1)
        >>> found.xy.tolist(), found.score
        ([[1.5, 1.5]], tensor([0.3333]))
    """
    xy, score = localization.find_peaks(
        average(values, window), radius=window // 2, threshold=threshold, refine=refine
    )
    return LocalizedPoints(xy, score)


def average(values: Float[Tensor, "*batch h w"], window: int = 3) -> Float[Tensor, "*batch h w"]:
    """Mean of the square of cells round each cell, those beyond the border 0.

    In float32 whatever comes: neighbours that half precision cannot tell apart would be plateaus.
    """
    cells = values.detach().float().reshape(-1, 1, *values.shape[-2:])
    return F.avg_pool2d(cells, window, stride=1, padding=window // 2).reshape(values.shape)


def require_window(window: int, name: str) -> None:
    """Refuse a window without a middle cell.

    Raises:
        OptionsError: ``window`` is even or less than 3; calls it ``name``.
    """
    if window < 3 or window % 2 == 0:
        raise OptionsError(f"{name} is {window}, expected an odd number of 3 or more")


class RazPeaks(Localizer):
    """Points at the peaks of the localization map, or of the density map without one.

    Points that the counter found itself, as RAZNet does by zooming, are taken as they are. Any
    other point's score is the averaged value at its peak; see `find_peaks`. How high a head
    stands in a density map depends on the width it was given, so the threshold there is a share of
    the map's highest averaged value.

    Args:
        threshold: Least averaged probability of a peak of a localization map, itself excluded.
        density_threshold: Least averaged height of a peak of a density map, itself excluded, as a
            share of the map's highest.
        refine: Place each point between cells, at the top of a parabola through its neighbours.
        window: Cells to a side of the squares averaged and searched, an odd number. The paper's 3
            finds heads as close as 2 pixels, and several peaks on what is broad and rough.

    Raises:
        OptionsError: A threshold is not in [0, 1), or the window is even or less than 3.

    Example:
        >>> import torch
        >>> plus = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
        >>> maps = {"localization": plus[None, None]}
        >>> RazPeaks()(Prediction(count=torch.ones(1), maps=maps), (3, 3))[0].xy.tolist()
        [[1.5, 1.5]]
    """

    needs = ("localization", "density")

    def __init__(
        self,
        *,
        threshold: Annotated[float, Tried(0.2, 0.3, 0.4, 0.5, 0.6)] = 0.5,
        density_threshold: Annotated[float, Tried(0.02, 0.05, 0.1, 0.2, 0.4)] = 0.1,
        refine: Annotated[bool, Tried(False, True)] = False,
        window: Annotated[int, Tried(3, 5, 7)] = 3,
    ) -> None:
        super().__init__()
        for name, value in (("threshold", threshold), ("density_threshold", density_threshold)):
            if not 0 <= value < 1:
                raise OptionsError(f"{self.label}: {name} is {value}, expected a share in [0, 1)")
        require_window(window, f"{self.label}: window")
        self.threshold = threshold
        self.density_threshold = density_threshold
        self.refine = refine
        self.window = window

    def missing(self, counter: Counter) -> list[str]:
        """Nothing if the counter gives either of the two maps."""
        if any(name in counter.outputs for name in self.needs):
            return []
        return ["a map named 'localization' or 'density'"]

    def forward(self, prediction: Prediction, size: Size) -> list[LocalizedPoints]:
        """Points of each image of the batch; arguments as of `Localizer.forward`.

        Raises:
            IncompatibleError: The prediction has neither map, or does not say the stride of its
                localization map.
        """
        if prediction.points is not None:
            return list(prediction.points)
        if "localization" in prediction.maps:
            maps = prediction.maps["localization"]
            stride = self._localization_stride(prediction, size)
            thresholds = [self.threshold] * len(maps)
        elif prediction.density is not None and prediction.stride is not None:
            maps, stride = prediction.density, prediction.stride
            highest = average(maps, self.window).flatten(1).amax(1).clamp_min(0)
            thresholds = (self.density_threshold * highest).tolist()
        else:
            raise IncompatibleError(
                f"{self.label} needs a localization or density map, the prediction has neither"
            )
        return [
            self._points(values, stride, threshold, size)
            for values, threshold in zip(maps[:, 0], thresholds, strict=True)
        ]

    def _localization_stride(self, prediction: Prediction, size: Size) -> int:
        spec = prediction.outputs.get("localization")
        if spec is not None:
            return spec.stride
        if prediction.maps["localization"].shape[-2:] == size:
            return 1
        raise IncompatibleError(
            f"{self.label} cannot tell the stride of the localization map",
            hint="call the counter, or fill in Prediction.outputs",
        )

    def _points(
        self, values: Float[Tensor, "h w"], stride: int, threshold: float, size: Size
    ) -> LocalizedPoints:
        peaks = find_peaks(values, threshold=threshold, refine=self.refine, window=self.window)
        frame = peaks.xy.new_tensor([size[1], size[0]])
        return LocalizedPoints((peaks.xy * stride).minimum(frame), peaks.score)
