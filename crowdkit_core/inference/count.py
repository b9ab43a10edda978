"""Count people in images."""

import math
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from crowdkit_core.errors import CrowdkitError, DataError, IncompatibleError
from crowdkit_core.inference.attention import attention_maps
from crowdkit_core.inference.counted import Counted
from crowdkit_core.inference.ground import GroundLike, as_ground
from crowdkit_core.inference.images import ImageLike, LoadedImage, load_image, to_batch
from crowdkit_core.inference.interval import Calibration, images_needed
from crowdkit_core.inference.large_region import LargeRegion, large_region
from crowdkit_core.inference.resized import (
    ShownPrediction,
    points_in,
    predict_resized,
    prediction_in,
)
from crowdkit_core.inference.roi import RoiLike, as_roi
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.inference.seams import without_doubles
from crowdkit_core.inference.tiles import (
    TiledLook,
    auto_tile,
    has_own_procedure,
    plan_tiles,
    predict_tiles,
    tiles_change_nothing,
)
from crowdkit_core.inference.ways import PLAIN, Way
from crowdkit_core.inference.zones import (
    Division,
    ZonesLike,
    as_zones,
    count_zones,
    divide,
    divided,
)
from crowdkit_core.interfaces import (
    Counter,
    LargeImage,
    LocalizedPoints,
    Localizer,
    Prediction,
    Size,
    cell_shares,
    evaluating,
    points_inside,
    require_fit,
)

TileSide = int | Literal["auto"] | None
"""Side of a tile's core in pixels; ``auto`` tiles what is too large for one pass and can be tiled
without changing the count; None never tiles."""

AS_GIVEN = Sizing()
"""Images are shown to the counter in their own size."""


def count(
    counter: Counter,
    image: ImageLike | LoadedImage,
    *,
    tile: TileSide = "auto",
    halo: int | None = None,
    roi: RoiLike | None = None,
    zones: ZonesLike | None = None,
    ground: GroundLike | None = None,
    localizer: Localizer | None = None,
    sizing: Sizing = AS_GIVEN,
    calibration: Calibration | None = None,
    level: float = 0.9,
    device: torch.device | str | None = None,
    way: Way = PLAIN,
) -> Counted:
    """Count the people in one image.

    The whole image goes through ``counter.predict``. Tiles go through ``forward``, and their count
    is what their maps, put together, are read as: the sum of the density map, or the points that
    are proposed. A counter with an inference procedure of its own is tiled inside it
    (`Counter.predict_in_tiles`), or refused.

    Args:
        counter: Any counter; its mode is restored afterwards.
        image: A file, a Pillow image, an array or a tensor; or one that is loaded already.
        tile: Side of a tile's core in pixels, ``auto`` or None; see `plan_tiles`.
        halo: Margin round each tile in pixels; the counter's receptive field when None.
        roi: Count only inside: polygons, a mask, or a file of either; of an image that is read in
            parts polygons.
        zones: Also count each of these parts; nobody is counted in those to exclude.
        ground: Gives zones, or the region, an area in square metres.
        localizer: Also finds points; None for those of a counter that finds them by itself.
        sizing: The size in which the counter sees the image. Count, map, points and region are in
            the image's own pixels all the same.
        calibration: Gives the count an interval.
        level: Probability that the interval holds the actual count.
        device: Moves the counter there; None leaves it where it is.
        way: How the counter is computed.

    Raises:
        UsageError: ``level`` is not between 0 and 1.
        DataError: The image, region, zones or ground cannot be read, or do not fit; or the image is
            too large for a counter that cannot be tiled.
        IncompatibleError: The counter cannot be tiled or restricted to a region or zones, or lacks
            what the localizer needs.
        ShapeError: An array or tensor that is not an RGB image.
    """
    if localizer is not None:
        require_fit(localizer, counter)
    loaded = load_image(image)
    height, width = loaded.pixels.shape[-2:]
    size = (height, width)
    region = None if roi is None else _region(roi, loaded.pixels)
    division = None
    if zones is not None or ground is not None:
        division = _division(loaded, zones, region, ground)
        region = _counted_in(division, loaded.pixels)

    def predict(shown: Tensor | LargeImage) -> tuple[Prediction, bool]:
        _require_size(counter, shown, loaded.name)
        with way.taken(counter, where):
            return predict_image(counter, shown, tile=tile, halo=halo, device=where)

    with evaluating(counter, device) as where:
        shown = predict_resized(predict, loaded.pixels, sizing)
        points = find_points(shown.prediction, shown.size, localizer)
        if points is not None and not shown.exact:
            points = _joined(points, counter, shown, tile, halo)
        prediction = prediction_in(shown.prediction, shown.size, size)
        counted = _counted(
            prediction,
            None if points is None else points_in(points, shown.size, size),
            region,
            name=loaded.name,
            size=size,
        )
    if division is not None:
        counted = _in_zones(counted, prediction, division)
    interval = None if calibration is None else calibration.interval(counted.count, level)
    notes = counted.notes + sizing.notes(size, shown.size, shown.head_distance)
    if calibration is not None and interval is None:
        notes += (_no_interval(calibration, level),)
    if not shown.exact:
        notes += (_why_approximate(counter),)
    return replace(
        counted,
        attention=attention_maps(shown.prediction),
        approximate=not shown.exact,
        interval=interval,
        shown_size=None if shown.size == size else shown.size,
        notes=notes,
        source=loaded.source,
        frame=loaded.frame,
        time=loaded.time,
        place=loaded.place,
    )


def predict_image(
    counter: Counter,
    image: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"] | LargeImage,
    *,
    tile: TileSide = "auto",
    halo: int | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Prediction, bool]:
    """Run a counter on one image, whole or in tiles.

    Args:
        counter: In evaluation mode, on ``device``.
        image: (3, H, W) RGB, uint8 or float in [0, 1]; or one that is read in parts.
        tile: As for `count`.
        halo: As for `count`.
        device: Where the counter is.

    Returns:
        The prediction, and whether its count and density are the whole image's to rounding.

    Raises:
        IncompatibleError: The counter cannot be tiled.
        DataError: The image is too large to be counted without tiles.
    """
    height, width = image.shape[-2:]
    side = auto_tile(counter, (height, width)) if tile == "auto" else tile
    if isinstance(image, LargeImage):
        return _predict_large(counter, image, side, halo, device)
    if side is None or side >= max(height, width):
        return counter.predict(to_batch(image, device)), True
    if has_own_procedure(counter):
        _require_tiled_procedure(counter)
        look = TiledLook(side, halo)
        return counter.predict_in_tiles(image, look), look.exact
    return _predict_by_plan(counter, image, side, halo, device)


def _predict_large(
    counter: Counter,
    image: LargeImage,
    side: int | None,
    halo: int | None,
    device: torch.device | str,
) -> tuple[Prediction, bool]:
    if side is None or has_own_procedure(counter):
        height, width = image.size
        raise DataError(
            f"{width} x {height} pixels are too many to be counted at once, and {counter.label} "
            f"{_why_whole(counter)}",
            hint="count it smaller, as by --long-side 2048",
        )
    return _predict_by_plan(counter, image, side, halo, device)


def _predict_by_plan(
    counter: Counter,
    image: Tensor | LargeImage,
    side: int,
    halo: int | None,
    device: torch.device | str,
) -> tuple[Prediction, bool]:
    height, width = image.shape[-2:]
    plan = plan_tiles(counter, (height, width), tile=side, halo=halo)
    prediction = predict_tiles(counter, image, plan, device=device)
    return prediction, plan.exact and not counter.direct_count


def _why_whole(counter: Counter) -> str:
    if has_own_procedure(counter):
        return "counts by a procedure of its own, which needs the whole image"
    if tiles_change_nothing(counter):
        return "was to count without tiles"
    return "cannot count in tiles without changing the count"


def find_points(
    prediction: Prediction, size: Size, localizer: Localizer | None
) -> LocalizedPoints | None:
    """The points of one predicted image: a localizer's, without one the counter's own if any.

    Args:
        prediction: Of a batch of one.
        size: (H, W) of the image in pixels.
        localizer: Fits the counter.
    """
    if localizer is not None:
        points: LocalizedPoints = localizer(prediction, size)[0]
        return points
    return None if prediction.points is None else prediction.points[0]


def _joined(
    points: LocalizedPoints,
    counter: Counter,
    shown: ShownPrediction,
    tile: TileSide,
    halo: int | None,
) -> LocalizedPoints:
    """Points of tiles with too small a halo, each head once; a procedure joins its own."""
    stride = shown.prediction.stride
    if not isinstance(tile, int) or stride is None or has_own_procedure(counter):
        return points
    plan = plan_tiles(counter, shown.size, tile=tile, halo=halo)
    return without_doubles(points, plan, stride=stride)


def _counted(
    prediction: Prediction,
    points: LocalizedPoints | None,
    roi: Tensor | LargeRegion | None,
    *,
    name: str,
    size: Size,
) -> Counted:
    whole_count = prediction.count.item()
    if not math.isfinite(whole_count):
        raise CrowdkitError(
            f"{name or 'image'}: the counter gives a count of {whole_count}",
            hint="its weights are damaged, or training diverged",
        )
    density = None if prediction.density is None else prediction.density[0, 0].cpu()
    inside = whole_count
    mask = None
    if isinstance(roi, LargeRegion):
        density, inside, mask = _in_large_region(prediction, roi)
    elif roi is not None:
        inside = prediction.count_inside(roi[None].to(prediction.count.device)).item()
        if density is not None and prediction.stride is not None:
            density = density * cell_shares(roi[None], prediction.stride)[0, 0]
        mask = roi
    return Counted(
        name=name,
        size=size,
        count=inside,
        whole_count=whole_count,
        density=density,
        stride=prediction.stride,
        points=None if points is None else _points_inside(points, roi),
        roi=mask,
    )


def _in_zones(counted: Counted, prediction: Prediction, division: Division) -> Counted:
    """The same with the people of each zone."""
    if division.names and prediction.density is None and not prediction.counts_points:
        raise IncompatibleError(
            "a count without a density map cannot be shared out among zones",
            hint="use a counter that predicts density or proposes points",
        )
    elsewhere, *zones = count_zones(
        division,
        counted.count,
        None if prediction.density is None else prediction.density[0, 0],
        prediction.stride,
        counted.points,
    )
    return replace(
        counted,
        zones=(*zones, elsewhere) if zones else (),
        division=division,
        notes=division.notes,
    )


def _division(
    image: LoadedImage,
    zones: ZonesLike | None,
    region: Tensor | LargeRegion | None,
    ground: GroundLike | None,
) -> Division:
    height, width = image.pixels.shape[-2:]
    named = None if zones is None else as_zones(zones)
    plane = None if ground is None else as_ground(ground)
    if isinstance(region, LargeRegion):
        return divide((height, width), zones=named, roi=region, ground=plane)
    return divided((height, width), zones=named, roi=region, ground=plane)


def _counted_in(division: Division, image: Tensor | LargeImage) -> Tensor | LargeRegion | None:
    """The region that zones to exclude and a region leave; None for everywhere."""
    if division.everywhere:
        return None
    return LargeRegion(division.owners) if isinstance(image, LargeImage) else division.mask


def _region(roi: RoiLike, image: Tensor | LargeImage) -> Tensor | LargeRegion:
    if isinstance(image, LargeImage):
        return large_region(roi, image.size)
    height, width = image.shape[-2:]
    return as_roi(roi, (height, width))


def _in_large_region(
    prediction: Prediction, roi: LargeRegion
) -> tuple[Tensor | None, float, Tensor | None]:
    """The density map inside, the count, and which of its cells lie inside for the most part.

    Without a map, where the points are the count, there are no cells.
    """
    if prediction.points is not None and prediction.counts_points:
        return None, float(roi.contains(prediction.points[0].xy.cpu()).sum()), None
    density, stride = prediction.to_restrict()
    shares = roi.cell_shares(stride)
    inside = density[0, 0].cpu() * shares
    return inside, inside.sum().item(), shares > 0.5


def _points_inside(points: LocalizedPoints, roi: Tensor | LargeRegion | None) -> LocalizedPoints:
    xy, score = points.xy.cpu(), points.score.cpu()
    inside = roi.contains(xy) if isinstance(roi, LargeRegion) else points_inside(xy, roi)
    return LocalizedPoints(xy[inside], score[inside])


def _require_tiled_procedure(counter: Counter) -> None:
    """Refuse a counter whose ``predict`` is not the one that its ``predict_in_tiles`` is of."""
    defining = next(
        space
        for space in (vars(counter), *map(vars, type(counter).__mro__))
        if "predict" in space or "predict_in_tiles" in space
    )
    if "predict_in_tiles" not in defining:
        raise IncompatibleError(
            f"{counter.label} counts by a procedure of its own, which tiles would replace",
            hint="count without tiles; a smaller image, as by --long-side, takes less memory",
        )


def _why_approximate(counter: Counter) -> str:
    if counter.direct_count and counter.stride is not None and not has_own_procedure(counter):
        return "approximate: tiles count by the density map, the whole image by a count of its own"
    if counter.receptive_field is None:
        return "approximate: the counter looks at the whole image, which tiles do not show it"
    needed = counter.receptive_field
    return f"approximate: the halo of the tiles is too small, the counter needs {needed} pixels"


def _no_interval(calibration: Calibration, level: float) -> str:
    return (
        f"no interval: the calibration has {len(calibration.actual)} images, a level of {level:g} "
        f"needs {images_needed(level)}"
    )


def _require_size(counter: Counter, image: Tensor | LargeImage, name: str) -> None:
    height, width = image.shape[-2:]
    least = counter.min_size
    if height < least[0] or width < least[1]:
        raise DataError(
            f"{name or 'image'} is {width} x {height} pixels; "
            f"{counter.label} needs at least {least[1]} x {least[0]}"
        )
