"""Count people in images."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from crowdkit_core.errors import CrowdkitError, DataError
from crowdkit_core.inference.images import ImageLike, as_image, to_batch
from crowdkit_core.inference.paths import find_images
from crowdkit_core.inference.roi import RoiLike, as_roi
from crowdkit_core.inference.tiles import auto_tile, plan_tiles, predict_tiles
from crowdkit_core.interfaces import (
    Counter,
    LocalizedPoints,
    Localizer,
    Prediction,
    Size,
    cell_shares,
    require_fit,
)

TileSide = int | Literal["auto"] | None
"""Side of a tile's core in pixels; ``auto`` tiles what is too large for one pass and can be tiled
without changing the count; None never tiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many people an image shows, and where.

    Attributes:
        name: The file as given, or empty for an image from memory.
        size: (H, W) of the image in pixels.
        count: People inside the region, or in the whole image without one.
        whole_count: People in the whole image.
        density: (h, w) persons per cell inside the region; None from a counter without a map.
        stride: Pixels per cell side; None without a map.
        points: Where they are, inside the region; None without a localizer.
        roi: (H, W) bool, True inside the region; None without one.
        approximate: Tiles were too small a view for this counter, so the count differs from the
            whole image's by more than rounding.
    """

    name: str
    size: Size
    count: float
    whole_count: float
    density: Float[Tensor, "h w"] | None = None
    stride: int | None = None
    points: LocalizedPoints | None = None
    roi: Bool[Tensor, "H W"] | None = None
    approximate: bool = False


def count(
    counter: Counter,
    image: ImageLike,
    *,
    tile: TileSide = "auto",
    halo: int | None = None,
    roi: RoiLike | None = None,
    localizer: Localizer | None = None,
    device: torch.device | str | None = None,
) -> Counted:
    """Count the people in one image.

    The whole image goes through ``counter.predict``. Tiles go through ``forward``: they take the
    place of a counter's own inference procedure, and their count is the sum of the density map.

    Args:
        counter: Any counter; its mode is restored afterwards.
        image: A file, a Pillow image, an array or a tensor.
        tile: Side of a tile's core in pixels, ``auto`` or None; see `plan_tiles`.
        halo: Margin round each tile in pixels; the counter's receptive field when None.
        roi: Count only inside: polygons, a mask, or a file of either.
        localizer: Also finds points.
        device: Moves the counter there; None leaves it where it is.

    Raises:
        DataError: The image or region cannot be read, or does not fit.
        IncompatibleError: The counter cannot be tiled or restricted to a region, or lacks what
            the localizer needs.
        ShapeError: An array or tensor that is not an RGB image.
    """
    if localizer is not None:
        require_fit(localizer, counter)
    name = str(image) if isinstance(image, str | Path) else ""
    pixels = as_image(image)
    height, width = pixels.shape[-2:]
    size = (height, width)
    _require_size(counter, size, name)
    region = None if roi is None else as_roi(roi, size)
    side = auto_tile(counter, size) if tile == "auto" else tile
    plan = None if side is None else plan_tiles(counter, size, tile=side, halo=halo)
    with _evaluating(counter, device) as where:
        prediction = (
            counter.predict(to_batch(pixels, where))
            if plan is None
            else predict_tiles(counter, pixels, plan, device=where)
        )
        points = None if localizer is None else localizer(prediction, size)[0]
    return _counted(
        prediction, points, region, name=name, size=size, approximate=bool(plan and not plan.exact)
    )


def count_paths(
    counter: Counter,
    paths: Iterable[str | Path],
    *,
    on_error: Callable[[DataError], None] | None = None,
    tile: TileSide = "auto",
    halo: int | None = None,
    roi: RoiLike | None = None,
    localizer: Localizer | None = None,
    device: torch.device | str | None = None,
) -> Iterator[Counted]:
    """Count the people in files, folders of images, and glob patterns, one after the other.

    Args:
        counter: Any counter.
        paths: What `find_images` takes.
        on_error: Called with the error of a bad file, which is then left out; None stops there.
        tile: As for `count`.
        halo: As for `count`.
        roi: As for `count`; the same region for every image.
        localizer: As for `count`.
        device: As for `count`.

    Raises:
        DataError: A path leads to no image, or a file cannot be read and ``on_error`` is None.
    """
    for path in find_images(paths):
        try:
            yield count(
                counter,
                path,
                tile=tile,
                halo=halo,
                roi=roi,
                localizer=localizer,
                device=device,
            )
        except DataError as error:
            if on_error is None:
                raise
            on_error(error)


def _counted(
    prediction: Prediction,
    points: LocalizedPoints | None,
    roi: Tensor | None,
    *,
    name: str,
    size: Size,
    approximate: bool,
) -> Counted:
    whole_count = prediction.count.item()
    if not math.isfinite(whole_count):
        raise CrowdkitError(
            f"{name or 'image'}: the counter gives a count of {whole_count}",
            hint="its weights are damaged, or training diverged",
        )
    density = None if prediction.density is None else prediction.density[0, 0].cpu()
    inside = whole_count
    if roi is not None:
        inside = prediction.count_inside(roi[None].to(prediction.count.device)).item()
        if density is not None and prediction.stride is not None:
            density = density * cell_shares(roi[None], prediction.stride)[0, 0]
    return Counted(
        name=name,
        size=size,
        count=inside,
        whole_count=whole_count,
        density=density,
        stride=prediction.stride,
        points=None if points is None else _points_inside(points, roi),
        roi=roi,
        approximate=approximate,
    )


def _points_inside(points: LocalizedPoints, roi: Tensor | None) -> LocalizedPoints:
    xy, score = points.xy.cpu(), points.score.cpu()
    if roi is None:
        return LocalizedPoints(xy, score)
    height, width = roi.shape
    columns = xy[:, 0].long().clamp(0, width - 1)
    rows = xy[:, 1].long().clamp(0, height - 1)
    keep = roi[rows, columns]
    return LocalizedPoints(xy[keep], score[keep])


def _require_size(counter: Counter, size: Size, name: str) -> None:
    least = counter.min_size
    if size[0] < least[0] or size[1] < least[1]:
        raise DataError(
            f"{name or 'image'} is {size[1]} x {size[0]} pixels; "
            f"{counter.label} needs at least {least[1]} x {least[0]}"
        )


@contextmanager
def _evaluating(counter: Counter, device: torch.device | str | None) -> Iterator[torch.device]:
    """Evaluation mode without gradients; every submodule's own mode comes back afterwards."""
    if device is not None:
        counter.to(device)
    tensors = chain(counter.parameters(), counter.buffers())
    modes = {module: module.training for module in counter.modules()}
    counter.eval()
    try:
        with torch.no_grad():
            yield next((tensor.device for tensor in tensors), torch.device(device or "cpu"))
    finally:
        for module, training in modes.items():
            module.training = training
