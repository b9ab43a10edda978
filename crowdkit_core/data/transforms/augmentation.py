"""Random augmentation of one sample, decided by a seed alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch

from crowdkit_core.data.transforms.functional import (
    adjust,
    crop,
    downscale,
    flip,
    pad,
    people_inside,
    resize,
    scaled,
)
from crowdkit_core.data.transforms.resizing import LongSide, problem_of_long_side, within_long_side
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Sample, Size

Range = tuple[float, float]

EMPTY_CROP_TRIES = 10
"""How many crops are drawn, at most, to find one with people where an empty one is unwanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Random crops, scale, flip and colours; callable as ``augment(sample, seed)``.

    The image is brought within bounds, a window is cut out, scaled, robbed of detail, mirrored,
    recoloured, and padded if the image was too small; the same seed gives the same bits in any
    process. Every factor is drawn uniformly from its range, and a range of (1, 1) leaves that
    property alone.

    Attributes:
        long_side: Least and greatest length in pixels of the longer side: an image beyond them is
            first resized to the nearer one. None to leave sizes alone. In training only: where
            evaluation is to see the same sizes, set the data set's own ``long_side``.
        crop_size: (H, W) of the result; where the image is smaller, padding fills the bottom and
            right, outside the region. None to crop by ``crop_fraction`` or not at all.
        crop_fraction: Share of each side to keep, in (0, 1].
        crops: Windows that are cut out of each image, of one scale and one flip. A batch of so many
            images is then this many times as many samples.
        empty_crops: Probability that the first crop is taken even if nobody is in it; otherwise
            crops are drawn until one has people, at most `EMPTY_CROP_TRIES`, of images that have
            any.
        scale: Factor on the image's size.
        close_up: Further factor on the size of some images, of at least 1, as of a small picture
            that is enlarged to be counted.
        close_ups: Share of images to which that is done.
        downscale: Factor by which the scaled window is shrunk and then enlarged back, so that it
            lacks detail as an enlarged small copy does.
        downscaled: Share of windows to which that is done.
        flip: Probability of mirroring left and right.
        vertical_flip: Probability of mirroring top and bottom, where images have no up and down.
        brightness: Factor on every value.
        contrast: Factor on the distance from the mean.
        saturation: Factor on the distance from grey.
        gamma: Exponent.
        grey: Probability of a grey image.

    Raises:
        OptionsError: A value outside its range, or two crops at once.

    Example:
        >>> from crowdkit_core.interfaces import Points
        >>> points = Points([[1.0, 2.0]], canvas_size=(4, 4))
        >>> sample = Sample(name="a", image=torch.zeros(3, 4, 4), points=points)
        >>> Augmentation(flip=1.0)(sample, seed=0).points.tolist()
        [[3.0, 2.0]]
    """

    long_side: LongSide | None = None
    crop_size: tuple[int, int] | None = None
    crop_fraction: float | None = None
    crops: int = 1
    empty_crops: float = 1.0
    scale: Range = (1.0, 1.0)
    close_up: Range = (1.0, 1.0)
    close_ups: float = 1.0
    downscale: Range = (1.0, 1.0)
    downscaled: float = 1.0
    flip: float = 0.5
    vertical_flip: float = 0.0
    brightness: Range = (1.0, 1.0)
    contrast: Range = (1.0, 1.0)
    saturation: Range = (1.0, 1.0)
    gamma: Range = (1.0, 1.0)
    grey: float = 0.0

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise OptionsError(f"augmentation: {'; '.join(problems)}")

    def __call__(self, sample: Sample, seed: int) -> Sample | Sequence[Sample]:
        """The augmented sample, several of more than one crop; ``seed`` decides what is random."""
        windows = self._windows(sample, _Draw(seed))
        return windows if self.crops > 1 else windows[0]

    def _windows(self, sample: Sample, draw: "_Draw") -> list[Sample]:
        sample = resize(sample, within_long_side(sample.size, self.long_side))
        scale = draw.within(self.scale)
        if self.close_up[1] > 1 and draw.chance(self.close_ups):
            scale *= draw.within(self.close_up)
        windows = [self._cropped(sample, scale, draw) for _ in range(self.crops)]
        windows = [resize(each, self._scaled_size(each.size, scale)) for each in windows]
        if self.downscale[1] > 1 and draw.chance(self.downscaled):
            factor = draw.within(self.downscale)
            windows = [downscale(each, factor) for each in windows]
        if draw.chance(self.flip):
            windows = [flip(each) for each in windows]
        if self.vertical_flip and draw.chance(self.vertical_flip):
            windows = [flip(each, vertical=True) for each in windows]
        recolour = partial(
            adjust,
            brightness=draw.within(self.brightness),
            contrast=draw.within(self.contrast),
            saturation=draw.within(self.saturation),
            gamma=draw.within(self.gamma),
            grey=draw.chance(self.grey),
        )
        windows = [recolour(each) for each in windows]
        return [pad(each, self.crop_size) for each in windows] if self.crop_size else windows

    def _cropped(self, sample: Sample, scale: float, draw: "_Draw") -> Sample:
        size = self._window(sample.size, scale)
        if size == sample.size:
            return sample
        needs_people = not draw.chance(self.empty_crops) and people_inside(sample) > 0
        for _ in range(EMPTY_CROP_TRIES if needs_people else 1):
            top = draw.below(sample.size[0] - size[0] + 1)
            left = draw.below(sample.size[1] - size[1] + 1)
            window = crop(sample, top, left, size)
            if people_inside(window):
                break
        return window

    def _window(self, whole: Size, scale: float) -> Size:
        """Size to cut out, before scaling."""
        if self.crop_fraction is not None:
            return scaled(whole, self.crop_fraction)
        if self.crop_size is None:
            return whole
        height, width = scaled(self.crop_size, 1 / scale)
        return min(height, whole[0]), min(width, whole[1])

    def _scaled_size(self, window: Size, scale: float) -> Size:
        """Size of a window once scaled: the crop size itself, unless the image was smaller."""
        height, width = scaled(window, scale)
        if self.crop_size is None:
            return height, width
        wanted = scaled(self.crop_size, 1 / scale)
        return (
            self.crop_size[0] if window[0] == wanted[0] else min(height, self.crop_size[0]),
            self.crop_size[1] if window[1] == wanted[1] else min(width, self.crop_size[1]),
        )


class _Draw:
    """Random numbers of one seed."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def chance(self, probability: float) -> bool:
        return self._uniform() < probability

    def within(self, bounds: Range) -> float:
        return bounds[0] + (bounds[1] - bounds[0]) * self._uniform()

    def below(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self._generator))

    def _uniform(self) -> float:
        return torch.rand((), dtype=torch.float64, generator=self._generator).item()


def _problems(options: Augmentation) -> list[str]:
    problems = []
    if options.crop_size is not None and options.crop_fraction is not None:
        problems.append("crop_size and crop_fraction exclude each other")
    if options.crop_size is not None and min(options.crop_size) < 1:
        problems.append(f"crop_size {options.crop_size}, expected at least 1 x 1")
    if options.crop_fraction is not None and not 0 < options.crop_fraction <= 1:
        problems.append(f"crop_fraction {options.crop_fraction}, expected in (0, 1]")
    if options.crops < 1:
        problems.append(f"crops {options.crops}, expected at least 1")
    if options.crops > 1 and options.crop_size is None and options.crop_fraction is None:
        problems.append(f"crops {options.crops} without crop_size or crop_fraction: all the same")
    if problem := problem_of_long_side(options.long_side):
        problems.append(problem)
    problems += [
        f"{name} {getattr(options, name)}, expected a probability"
        for name in ("empty_crops", "close_ups", "downscaled", "flip", "vertical_flip", "grey")
        if not 0 <= getattr(options, name) <= 1
    ]
    problems += [
        f"{name} {getattr(options, name)}, expected factors of at least 1"
        for name in ("close_up", "downscale")
        if getattr(options, name)[0] < 1
    ]
    factors = ("brightness", "contrast", "saturation", "gamma", "scale", "close_up", "downscale")
    for name in factors:
        low, high = getattr(options, name)
        if not (0 <= low <= high < float("inf")) or (name == "scale" and low == 0):
            problems.append(f"{name} {(low, high)}, expected least and greatest factor")
    return problems
