"""Run a counter on an image in another size, and bring back what it found."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from crowdkit_core.data.transforms import resize_image
from crowdkit_core.density import resample_density
from crowdkit_core.inference.scale import Sizing, head_distance
from crowdkit_core.interfaces import LargeImage, LocalizedPoints, Prediction, Size

IN_MEMORY = 2**27
"""Pixels of a resized image up to which it is made at once and held in memory."""

Predict = Callable[[Tensor | LargeImage], tuple[Prediction, bool]]
"""From pixels to a prediction of a batch of one, and whether its map is exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPrediction:
    """What a counter predicts of an image in the size it was shown.

    Attributes:
        prediction: In the pixels of the shown image.
        size: (H, W) of the shown image.
        exact: The map is the whole image's to rounding.
        head_distance: Predicted pixels of the shown image between neighbouring heads; None where
            it is not asked for or the map does not say.
    """

    prediction: Prediction
    size: Size
    exact: bool
    head_distance: float | None


def predict_resized(
    predict: Predict,
    image: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"] | LargeImage,
    sizing: Sizing,
) -> ShownPrediction:
    """Predict in the size that suits a counter; in another one, once, if heads ask for it.

    Args:
        predict: Counts pixels.
        image: (3, H, W) RGB, uint8 or float in [0, 1]; or one that is read in parts.
        sizing: Chooses the sizes.
    """
    height, width = image.shape[-2:]
    shown = _predict_in(predict, image, sizing, sizing.first((height, width)))
    better = sizing.second(shown.size, shown.head_distance)
    return shown if better is None else _predict_in(predict, image, sizing, better)


def _predict_in(
    predict: Predict, image: Tensor | LargeImage, sizing: Sizing, size: Size
) -> ShownPrediction:
    prediction, exact = predict(resize_pixels(image, size))
    distance = None if sizing.head_distance is None else head_distance(prediction)
    return ShownPrediction(prediction=prediction, size=size, exact=exact, head_distance=distance)


def resize_pixels(
    image: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"] | LargeImage, size: Size
) -> UInt8[Tensor, "3 h w"] | Float[Tensor, "3 h w"] | LargeImage:
    """Resize with antialiasing; values stay in their range.

    What a large image becomes is read at once where it is small enough to be held in memory.
    """
    if isinstance(image, LargeImage):
        resized = image if size == image.size else image.resized(size)
        return resized if size[0] * size[1] > IN_MEMORY else resized[:, :, :]
    if size == tuple(image.shape[-2:]):
        return image
    parts = [image] if _stays_uint8(image) else image[:, None]
    pixels = torch.cat([resize_image(part, size) for part in parts])
    return pixels.clamp_(0, 1) if pixels.is_floating_point() else pixels


def _stays_uint8(image: Tensor) -> bool:
    """Whether torch has a kernel; without one pixels become floats, best one channel at a time."""
    return image.dtype == torch.uint8 and "AVX" in torch.backends.cpu.get_cpu_capability()


def prediction_in(prediction: Prediction, shown: Size, size: Size) -> Prediction:
    """A prediction whose density map and points are in another size of the image.

    The map has its stride there, and sums are kept.

    Args:
        prediction: Of the shown image; its other maps stay as they are.
        shown: (H, W) of the image it was made for.
        size: (H, W) of the image that map and points are for.
    """
    if shown == size:
        return prediction
    if prediction.points is not None:
        points = [points_in(each, shown, size) for each in prediction.points]
        prediction = replace(prediction, points=points)
    if prediction.density is None or prediction.stride is None:
        return prediction
    density = resample_density(
        prediction.density, size, stride=prediction.stride, of=(shown, prediction.stride)
    )
    return replace(prediction, density=density)


def points_in(points: LocalizedPoints, shown: Size, size: Size) -> LocalizedPoints:
    """Points of the shown image in the pixels of another size of it."""
    if shown == size:
        return points
    ratio = points.xy.new_tensor([size[1] / shown[1], size[0] / shown[0]])
    return LocalizedPoints(points.xy * ratio, points.score)
