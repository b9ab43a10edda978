"""The parts of another data set's images in which nobody is."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Self

import torch

from crowdkit_core.data.datasets.joined import Part
from crowdkit_core.data.transforms.functional import crop, resize
from crowdkit_core.data.transforms.resizing import LongSide, Resizing
from crowdkit_core.errors import DataError, OptionsError
from crowdkit_core.interfaces import Annotation, Dataset, Sample, Size, Split, ValueRange
from crowdkit_core.registry import create


class EmptyRegions(Dataset):
    """Windows of another data set's images without anybody in them: walls, trees, sky, asphalt.

    In pictures of crowds, whatever is near people is rarely seen alone, and a counter that knows
    crowds alone may see people in it. Windows lie side by side from the top left corner; those are
    kept that lie within the counted region and have no point inside or near them.

    Args:
        of: The data set; it divides its images by its own rule.
        split: Which of its images.
        window: (H, W) in pixels of its images.
        margin: Least distance of a point from a window, in pixels: heads and bodies reach beyond
            their points.
        long_side: Least and greatest length in pixels of the longer side: a window beyond them is
            given resized to the nearer one, as a small picture is before it is counted. None to
            leave windows alone.

    Raises:
        OptionsError: The window has no pixels, the margin is negative, or as of the data set.
        DataError: No window is without people, or as of the data set.

    Example:
        >>> nobody = Part(name="synthetic", options={"images": 2, "people": (0, 0)})
        >>> regions = EmptyRegions(of=nobody, window=(96, 128))
        >>> regions[0].name, regions[0].size, len(regions[0].points)
        ('train_00000@0,0', (96, 128), 0)
    """

    def __init__(
        self,
        *,
        of: Part,
        split: Split = "train",
        window: tuple[int, int] = (256, 256),
        margin: float = 40.0,
        long_side: LongSide | None = None,
    ) -> None:
        if min(window) < 1 or margin < 0:
            raise OptionsError(
                f"empty-regions: window {window}, margin {margin}, expected at least 1 x 1 "
                "and at least 0"
            )
        self.split = split
        self._window = window
        self._size = Resizing(long_side=long_side)(window)
        self._whole: Dataset = create("dataset", of.name, **of.options, split=split)
        self._places = [
            (index, *corner)
            for index in range(len(self._whole))
            for corner in _empty_windows(self._whole.annotation(index), window, margin)
        ]
        if not self._places:
            raise DataError(
                f"empty-regions: no window of {window[0]} x {window[1]} pixels of {of.name} "
                f"({len(self._whole)} images) is without people",
                hint="choose a smaller window or margin",
            )

    def __len__(self) -> int:
        return len(self._places)

    @property
    def value_range(self) -> ValueRange | None:
        """That of the whole images."""
        return self._whole.value_range

    def with_value_range(self, value_range: ValueRange) -> Self:
        """The same windows shown by another range."""
        other = copy.copy(self)
        other._whole = self._whole.with_value_range(value_range)
        return other

    def annotation(self, index: int) -> Annotation:
        """Annotation ``index``: a name, a size and no points."""
        whole, top, left = self._place(index)
        name = f"{self._whole.annotation(whole).name}@{top},{left}"
        return Annotation(name=name, size=self._size, points=torch.zeros(0, 2))

    def __getitem__(self, index: int) -> Sample:
        """Window ``index``."""
        whole, top, left = self._place(index)
        sample = resize(crop(self._whole[whole], top, left, self._window), self._size)
        return replace(sample, name=f"{sample.name}@{top},{left}", roi=None, lengths={})

    def _place(self, index: int) -> tuple[int, int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"window {index} of an empty-regions data set of {len(self)} windows")
        return self._places[index]


def _empty_windows(
    annotation: Annotation, window: Size, margin: float
) -> Iterator[tuple[int, int]]:
    """(top, left) of the windows without people."""
    (height, width), (rows, columns) = annotation.size, window
    x, y = annotation.points.unbind(1)
    roi = annotation.roi
    for top, left in product(
        range(0, height - rows + 1, rows), range(0, width - columns + 1, columns)
    ):
        beside = torch.maximum(left - x, x - (left + columns)).clamp_min(0)
        above = torch.maximum(top - y, y - (top + rows)).clamp_min(0)
        empty = bool((torch.hypot(beside, above) > margin).all())
        if empty and (roi is None or bool(roi[top : top + rows, left : left + columns].all())):
            yield top, left
