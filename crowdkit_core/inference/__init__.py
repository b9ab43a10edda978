"""Count people in photos: whole or in tiles, everywhere or inside a region.

Example:
    counter = crowdkit_core.create("counter", "mcnn", weights="mcnn.safetensors")
    print(count(counter, "photo.jpg").count)
"""

from crowdkit_core.data.files import polygons_mask
from crowdkit_core.inference.attention import attention_maps
from crowdkit_core.inference.count import TileSide, count, predict_image
from crowdkit_core.inference.counted import Counted
from crowdkit_core.inference.export import Exported, export
from crowdkit_core.inference.ground import Ground, GroundLike, as_ground, read_ground
from crowdkit_core.inference.images import ImageLike, LoadedImage, as_image, load_image
from crowdkit_core.inference.interval import (
    Calibration,
    Interval,
    read_calibration,
    write_calibration,
)
from crowdkit_core.inference.levels import CrowdLevel
from crowdkit_core.inference.loading import load_model, with_calibration, with_sizing
from crowdkit_core.inference.many import count_paths
from crowdkit_core.inference.model import Model, calibrate
from crowdkit_core.inference.output import (
    CountRow,
    ZoneRow,
    save_density,
    write_counts,
    write_zones,
)
from crowdkit_core.inference.paths import find_images, unread_images, videos_left_out
from crowdkit_core.inference.points import marked_image, write_points
from crowdkit_core.inference.roi import RoiLike, as_roi
from crowdkit_core.inference.scale import Sizing, head_distance
from crowdkit_core.inference.tiles import TilePlan, auto_tile, plan_tiles, predict_tiles
from crowdkit_core.inference.zones import CountedZone, Zone, Zones, ZonesLike, as_zones, read_zones

__all__ = [
    "Calibration",
    "CountRow",
    "Counted",
    "CountedZone",
    "CrowdLevel",
    "Exported",
    "Ground",
    "GroundLike",
    "ImageLike",
    "Interval",
    "LoadedImage",
    "Model",
    "RoiLike",
    "Sizing",
    "TilePlan",
    "TileSide",
    "Zone",
    "ZoneRow",
    "Zones",
    "ZonesLike",
    "as_ground",
    "as_image",
    "as_roi",
    "as_zones",
    "attention_maps",
    "auto_tile",
    "calibrate",
    "count",
    "count_paths",
    "export",
    "find_images",
    "head_distance",
    "load_image",
    "load_model",
    "marked_image",
    "plan_tiles",
    "polygons_mask",
    "predict_image",
    "predict_tiles",
    "read_calibration",
    "read_ground",
    "read_zones",
    "save_density",
    "unread_images",
    "videos_left_out",
    "with_calibration",
    "with_sizing",
    "write_calibration",
    "write_counts",
    "write_points",
    "write_zones",
]
