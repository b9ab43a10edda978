"""A trained counter with everything that counting needs: sizes, intervals, a localizer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from crowdkit_core.cards import Card
from crowdkit_core.errors import UsageError
from crowdkit_core.inference.count import AS_GIVEN, TileSide, count
from crowdkit_core.inference.counted import Counted
from crowdkit_core.inference.images import ImageLike, LoadedImage
from crowdkit_core.inference.interval import LEAST_IMAGES, Calibration
from crowdkit_core.inference.many import OnError, count_each
from crowdkit_core.inference.roi import RoiLike
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.inference.sources import AS_STORED, Reading, one_image
from crowdkit_core.interfaces import Counter, Dataset, Localizer, points_inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Counts images; the settings are those of `count`.

    Attributes:
        counter: Any counter.
        sizing: The size in which it sees images.
        calibration: Gives counts an interval.
        level: Probability that an interval holds the actual count.
        localizer: Also finds points.
        tile: Side of a tile in pixels, ``auto`` or None.
        halo: Margin round each tile in pixels.
        device: Where to count; None leaves the counter where it is.
        weights: sha256 of the counter's weights file; empty if not known.
        things: What is counted, in the plural.
        card: What is known of the weights; None without a card.
        reading: What to take from files that hold more than one plain image.
    """

    counter: Counter
    sizing: Sizing = AS_GIVEN
    calibration: Calibration | None = None
    level: float = 0.9
    localizer: Localizer | None = None
    tile: TileSide = "auto"
    halo: int | None = None
    device: torch.device | str | None = None
    weights: str = ""
    things: str = "people"
    card: Card | None = None
    reading: Reading = AS_STORED

    def __call__(self, image: ImageLike | LoadedImage, *, roi: RoiLike | None = None) -> Counted:
        """Count the people in one image; arguments and errors as of `count`."""
        counted = count(
            self.counter,
            one_image(image, self.reading) if isinstance(image, str | Path) else image,
            tile=self.tile,
            halo=self.halo,
            roi=roi,
            localizer=self.localizer,
            sizing=self.sizing,
            calibration=self.calibration,
            level=self.level,
            device=self.device,
        )
        return replace(counted, things=self.things)

    def count_paths(
        self,
        paths: Iterable[str | Path],
        *,
        roi: RoiLike | None = None,
        on_error: OnError | None = None,
    ) -> Iterator[Counted]:
        """Count files, folders and patterns; arguments and errors as of `inference.count_paths`."""
        return count_each(partial(self, roi=roi), paths, on_error=on_error, reading=self.reading)


def calibrate(
    model: Model,
    dataset: Dataset,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Count annotated images as new ones will be counted, to learn how far off counts are.

    Args:
        model: Its own calibration is not used.
        dataset: Images that its counter was not trained on. People inside regions count.
        progress: Called with how many images are done, and of how many.

    Raises:
        UsageError: There are fewer than 20 images.
        DataError: An image cannot be read.
    """
    if len(dataset) < LEAST_IMAGES:
        raise UsageError(
            f"{dataset.label} has {len(dataset)} images, a calibration needs {LEAST_IMAGES}",
            hint="annotate more, at best some of every kind and size of crowd you count",
        )
    return count_annotated(model, dataset, progress=progress)


def count_annotated(
    model: Model,
    dataset: Dataset,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """What `calibrate` gives, of any number of images; arguments and other errors as there."""
    if model.reading.value_range is not None:
        dataset = dataset.with_value_range(model.reading.value_range)
    predicted, actual = [], []
    for index in range(len(dataset)):
        sample = dataset[index]
        counted = model(sample.image.as_subclass(Tensor), roi=sample.roi)
        predicted.append(counted.count)
        actual.append(float(points_inside(sample.points.as_subclass(Tensor), sample.roi).sum()))
        if progress is not None:
            progress(index + 1, len(dataset))
    return Calibration(
        predicted=tuple(predicted),
        actual=tuple(actual),
        weights=model.weights,
        sizing=model.sizing.described(),
    )
