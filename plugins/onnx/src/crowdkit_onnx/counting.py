"""Count images with an ONNX file, as crowdkit counts with the weights it was exported from."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from crowdkit_onnx.errors import CountingError, UsageError
from crowdkit_onnx.heads import head_distance
from crowdkit_onnx.images import ImageLike, Pixels, as_pixels
from crowdkit_onnx.interval import images_needed
from crowdkit_onnx.metadata import Metadata
from crowdkit_onnx.peaks import PeakOptions, local_maxima
from crowdkit_onnx.resampling import resample
from crowdkit_onnx.resizing import resize
from crowdkit_onnx.result import Counted
from crowdkit_onnx.sizing import Size
from crowdkit_onnx.tiles import map_in_tiles, tile_side

LEVEL = 0.9
"""Probability that an interval holds the actual count, where nobody asks for another."""


class _Shown(NamedTuple):
    """What the network predicts of an image in the size it was shown."""

    size: Size
    people: float
    density: NDArray[np.float32] | None
    distance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Counts images; `load` makes it.

    Attributes:
        session: Runs the network.
        metadata: What its file says of it.
        level: Probability that intervals hold the actual count.
        peaks: How points are found; None not to look for them.
    """

    session: Any
    metadata: Metadata
    level: float = LEVEL
    peaks: PeakOptions | None = None

    def __call__(self, image: ImageLike) -> Counted:
        """Count the people in one image.

        Args:
            image: A file, a Pillow image, or an (H, W) or (H, W, 3) RGB array of uint8.

        Raises:
            CountingError: It cannot be read, or is too small for the network.
        """
        name = str(image) if isinstance(image, str | Path) else ""
        pixels = as_pixels(image)
        size: Size = (pixels.shape[0], pixels.shape[1])
        known, shown = self.metadata, self._seen(pixels, name)
        points, scores = self._points(shown, size)
        stride, density = known.network.stride, shown.density
        if density is not None and stride is not None:
            density = resample(density, shown.size, size, stride)
        counts = known.calibration
        interval = None if counts is None else counts.interval(shown.people, self.level)
        notes = known.sizing.notes(size, shown.size, shown.distance)
        if counts is not None and interval is None:
            notes += (_no_interval(len(counts.actual), self.level),)
        return Counted(
            name=name,
            size=size,
            count=shown.people,
            interval=interval,
            density=density,
            stride=stride,
            points=points,
            scores=scores,
            shown_size=shown.size,
            notes=notes,
            things=known.things,
        )

    def _seen(self, pixels: Pixels, name: str) -> _Shown:
        """In the size that suits the network; in another one, once, if heads ask for it."""
        sizing = self.metadata.sizing
        shown = self._seen_in(pixels, sizing.first((pixels.shape[0], pixels.shape[1])), name)
        better = sizing.second(shown.size, shown.distance)
        return shown if better is None else self._seen_in(pixels, better, name)

    def _seen_in(self, pixels: Pixels, size: Size, name: str) -> _Shown:
        network = self.metadata.network
        if size[0] < network.min_size[0] or size[1] < network.min_size[1]:
            raise CountingError(
                f"{name or 'image'} is {size[1]} x {size[0]} pixels; the network needs at least "
                f"{network.min_size[1]} x {network.min_size[0]}"
            )
        resized = resize(pixels, size)
        side = tile_side(network, size)
        if side is None:
            count, density = self._predict(resized)
        else:
            density = map_in_tiles(self._map, resized, network, side)
            count = float(density.sum())
        if not math.isfinite(count):
            raise CountingError(f"{name or 'image'}: the network gives a count of {count}")
        asked = self.metadata.sizing.head_distance is not None
        distance = None
        if asked and density is not None and network.stride is not None:
            distance = head_distance(density, network.stride)
        return _Shown(size, count, density, distance)

    def _predict(self, pixels: Pixels) -> tuple[float, NDArray[np.float32] | None]:
        """Count and map, if there is one, of one pass."""
        images = pixels.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
        count, *maps = self.session.run(None, {"images": images})
        return float(count[0]), maps[0][0, 0] if maps else None

    def _map(self, pixels: Pixels) -> NDArray[np.float32]:
        _, density = self._predict(pixels)
        assert density is not None
        return density

    def _points(
        self, shown: _Shown, size: Size
    ) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        stride = self.metadata.network.stride
        if self.peaks is None or shown.density is None or stride is None:
            return None, None
        xy, scores = local_maxima(shown.density, stride, shown.size, shown.people, self.peaks)
        if shown.size != size:
            xy = xy * np.array([size[1] / shown.size[1], size[0] / shown.size[0]], np.float32)
        return xy, scores


def load(
    path: str | Path, *, level: float | None = None, points: bool = False, threads: int = 0
) -> Model:
    """A model from an ONNX file that crowdkit exported.

    Args:
        path: The file.
        level: Probability that intervals hold the actual count; None for 0.9.
        points: Look for people one by one, by the peaks of the map. They are looked for in any case
            where `crowdkit tune localizer` chose `local-maxima` for the weights.
        threads: Of the processor; 0 for one for each of its cores.

    Raises:
        UsageError: There is no such file; ``level`` is not between 0 and 1, or the file has no
            counts to make intervals of; points are asked for that only crowdkit finds.
        CountingError: crowdkit did not write it.
    """
    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file")
    session = _session(path, threads)
    known = Metadata.read(session.get_modelmeta().custom_metadata_map, str(path))
    if level is not None:
        images_needed(level)
        if known.calibration is None:
            raise UsageError(f"{path} has no counts of known images, so no intervals of any level")
    chosen = known.localizer == "local-maxima"
    if points and not chosen:
        _require_peaks(known, str(path))
    return Model(
        session=session,
        metadata=known,
        level=LEVEL if level is None else level,
        peaks=known.peaks if points or chosen else None,
    )


def _session(path: str | Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Exception as error:  # of many kinds, one for each way of being no model
        first = str(error).splitlines()[0]
        raise CountingError(f"{path}: cannot be read as an ONNX file: {first}") from error


def _require_peaks(known: Metadata, path: str) -> None:
    if known.network.stride is None:
        raise UsageError(f"{path}: {known.counter} gives no density map to find points in")
    if known.localizer:
        raise UsageError(
            f"{path}: its points are found by {known.localizer}, which crowdkit count does, and "
            "this program does not"
        )


def _no_interval(images: int, level: float) -> str:
    return (
        f"no interval: the calibration has {images} images, a level of {level:g} needs "
        f"{images_needed(level)}"
    )
