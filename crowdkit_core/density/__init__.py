"""Density maps: Gaussians at points, sum pooling, and the hand-made generators."""

from crowdkit_core.density.blur import gaussian_blur_dots
from crowdkit_core.density.cells import count_cells
from crowdkit_core.density.fixed import Fixed
from crowdkit_core.density.gaussians import Convention, place_gaussians, place_gaussians_batch
from crowdkit_core.density.generator import GaussianGenerator
from crowdkit_core.density.geometry_adaptive import GeometryAdaptive
from crowdkit_core.density.pooling import sum_pool
from crowdkit_core.density.resampling import resample_density

__all__ = [
    "Convention",
    "Fixed",
    "GaussianGenerator",
    "GeometryAdaptive",
    "count_cells",
    "gaussian_blur_dots",
    "place_gaussians",
    "place_gaussians_batch",
    "resample_density",
    "sum_pool",
]
