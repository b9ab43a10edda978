"""Count people in photos: whole or in tiles, everywhere or inside a region.

Example:
    counter = crowdkit_core.create("counter", "mcnn", weights="mcnn.safetensors")
    print(count(counter, "photo.jpg").count)
"""

from crowdkit_core.data.files import polygons_mask
from crowdkit_core.inference.count import Counted, TileSide, count, count_paths, predict_image
from crowdkit_core.inference.images import ImageLike, as_image
from crowdkit_core.inference.output import CountRow, save_density, write_counts
from crowdkit_core.inference.paths import find_images
from crowdkit_core.inference.points import marked_image, write_points
from crowdkit_core.inference.roi import RoiLike, as_roi
from crowdkit_core.inference.tiles import TilePlan, auto_tile, plan_tiles, predict_tiles

__all__ = [
    "CountRow",
    "Counted",
    "ImageLike",
    "RoiLike",
    "TilePlan",
    "TileSide",
    "as_image",
    "as_roi",
    "auto_tile",
    "count",
    "count_paths",
    "find_images",
    "marked_image",
    "plan_tiles",
    "polygons_mask",
    "predict_image",
    "predict_tiles",
    "save_density",
    "write_counts",
    "write_points",
]
