"""Transforms that keep image, points, region and lengths of a sample together."""

from crowdkit_core.data.transforms.augmentation import Augmentation
from crowdkit_core.data.transforms.functional import (
    adjust,
    crop,
    downscale,
    flip,
    pad,
    people_inside,
    region,
    resize,
    resize_annotation,
    resize_image,
    scaled,
)
from crowdkit_core.data.transforms.resizing import LongSide, Resizing

__all__ = [
    "Augmentation",
    "LongSide",
    "Resizing",
    "adjust",
    "crop",
    "downscale",
    "flip",
    "pad",
    "people_inside",
    "region",
    "resize",
    "resize_annotation",
    "resize_image",
    "scaled",
]
