"""A trained counter with everything that counting needs: sizes, intervals, a localizer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from crowdkit_core.cards import Card
from crowdkit_core.errors import UsageError
from crowdkit_core.inference.count import AS_GIVEN, TileSide, count
from crowdkit_core.inference.counted import Counted
from crowdkit_core.inference.export import (
    CalibrationMethod,
    Exported,
    Precision,
    WeightBits,
    export,
)
from crowdkit_core.inference.ground import GroundLike, as_ground
from crowdkit_core.inference.images import ImageLike, LoadedImage
from crowdkit_core.inference.interval import LEAST_IMAGES, Calibration
from crowdkit_core.inference.many import OnError, count_each
from crowdkit_core.inference.quickest import quickest_way
from crowdkit_core.inference.roi import RoiLike
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.inference.sources import AS_STORED, Reading, SourceLike, Span, one_image
from crowdkit_core.inference.ways import BF16, FLOAT32_WAYS, PLAIN, Way
from crowdkit_core.inference.zones import ZonesLike, as_zones
from crowdkit_core.interfaces import Counter, Dataset, Localizer, points_inside

MOST_CHANGE = 0.001
"""Share of a count by which a quicker way may change it."""


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
        way: How the counter is computed; ``auto``: the quickest way (`quickest_way`) of those known
            to change no count by more than `MOST_CHANGE`. That is bfloat16 if the card says so.
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
    way: Way | Literal["auto"] = PLAIN
    weights: str = ""
    things: str = "people"
    card: Card | None = None
    reading: Reading = AS_STORED

    def __call__(
        self,
        image: ImageLike | LoadedImage,
        *,
        roi: RoiLike | None = None,
        zones: ZonesLike | None = None,
        ground: GroundLike | None = None,
    ) -> Counted:
        """Count the people in one image; arguments and errors as of `count`."""
        counted = count(
            self.counter,
            one_image(image, self.reading) if isinstance(image, str | Path) else image,
            tile=self.tile,
            halo=self.halo,
            roi=roi,
            zones=zones,
            ground=ground,
            localizer=self.localizer,
            sizing=self.sizing,
            calibration=self.calibration,
            level=self.level,
            device=self.device,
            way=self._chosen_way(),
        )
        return replace(counted, things=self.things)

    def count_paths(
        self,
        paths: Iterable[SourceLike],
        *,
        roi: RoiLike | None = None,
        zones: ZonesLike | None = None,
        ground: GroundLike | None = None,
        on_error: OnError | None = None,
    ) -> Iterator[Counted]:
        """Count files, folders and patterns; arguments and errors as of `inference.count_paths`."""
        count_one = self._in_places(roi, zones, ground)
        return count_each(count_one, paths, on_error=on_error, reading=self.reading)

    def stream(
        self,
        source: SourceLike,
        *,
        every: Span | float | str | None = None,
        roi: RoiLike | None = None,
        zones: ZonesLike | None = None,
        ground: GroundLike | None = None,
        on_error: OnError | None = None,
    ) -> Iterator[Counted]:
        """Count the frames of a clip, a stream or a camera; each tells its ``frame`` and ``time``.

        Frames of a clip come one after the other, those of a stream as they are when one is asked
        for. A frame can be drawn until the next one is asked for.

        Args:
            source: A file, a URL, or the number of a camera.
            every: Seconds from one counted frame to the next, or a text such as ``500ms`` or
                ``5f`` (frames); None counts them all, or as the model's ``reading`` says.
            roi: As for `count`; the same region for every frame.
            zones: As for `count`; the same zones for every frame.
            ground: As for `count`; the same ground for every frame.
            on_error: Told of a clip that ends early; None raises that behind the last frame.

        Raises:
            UsageError: ``every`` is no such time.
            DataError: The source cannot be read.
            MissingPackageError: PyAV is not installed.
        """
        step = self.reading.every if every is None else Span.of(every, "every")
        reading = replace(self.reading, every=step)
        count_one = self._in_places(roi, zones, ground)
        return count_each(count_one, [source], on_error=on_error, reading=reading)

    def export(
        self,
        path: str | Path,
        *,
        check: Iterable[ImageLike] = (),
        tolerance: float | None = None,
        precision: Precision = "float32",
        calibrate: Iterable[ImageLike] = (),
        calibration_method: CalibrationMethod = "minmax",
        weight_bits: WeightBits = 7,
    ) -> Exported:
        """Write its counter as an ONNX file; arguments and errors as of `inference.export`."""
        return export(
            self,
            path,
            check=check,
            tolerance=tolerance,
            precision=precision,
            calibrate=calibrate,
            calibration_method=calibration_method,
            weight_bits=weight_bits,
        )

    def _chosen_way(self) -> Way:
        if isinstance(self.way, Way):
            return self.way
        change = None if self.card is None else self.card.bf16_change
        keeps = change is not None and change <= MOST_CHANGE
        return quickest_way(self.counter, self.device, [*FLOAT32_WAYS, *[BF16] * keeps])

    def _in_places(
        self, roi: RoiLike | None, zones: ZonesLike | None, ground: GroundLike | None
    ) -> Callable[[LoadedImage], Counted]:
        """Counts images in places that are read once for all of them."""
        return partial(
            self,
            roi=roi,
            zones=None if zones is None else as_zones(zones),
            ground=None if ground is None else as_ground(ground),
        )


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
