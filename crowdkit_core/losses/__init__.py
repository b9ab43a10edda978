"""The core's losses, and what losses of plugins share."""

from crowdkit_core.losses.maps import (
    MapPair,
    cut,
    densities_inside,
    main_maps,
    map_pairs,
    maps_of_kind,
    mean_inside,
    mean_over_cells,
    mean_over_images,
    same_size_images,
)
from crowdkit_core.losses.matching import match_proposals
from crowdkit_core.losses.pixelwise import L1, MSE, Reduction, absolute_error, squared_error
from crowdkit_core.losses.weights import require_weights

__all__ = [
    "L1",
    "MSE",
    "MapPair",
    "Reduction",
    "absolute_error",
    "cut",
    "densities_inside",
    "main_maps",
    "map_pairs",
    "maps_of_kind",
    "match_proposals",
    "mean_inside",
    "mean_over_cells",
    "mean_over_images",
    "require_weights",
    "same_size_images",
    "squared_error",
]
