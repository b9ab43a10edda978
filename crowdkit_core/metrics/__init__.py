"""Metrics of counts, counts by image region, density maps and points: functions on tensors."""

from crowdkit_core.metrics.counting import CountErrors, mae, nae, rmse
from crowdkit_core.metrics.matching import (
    LocalizationScores,
    Matches,
    localization_scores,
    match_points,
)
from crowdkit_core.metrics.matching_at_radii import matching_curve
from crowdkit_core.metrics.normalized_ranking import (
    NormalizedPrecision,
    normalized_average_precision,
)
from crowdkit_core.metrics.quality import (
    BACKGROUND,
    PSNR,
    SSIM,
    BackgroundRatio,
    at_full_resolution,
    background_ratio,
    background_ratio_by_image,
    psnr,
    psnr_by_image,
    ssim,
    ssim_by_image,
)
from crowdkit_core.metrics.ranking import AveragePrecision, RankedPrecision, average_precision
from crowdkit_core.metrics.regions import (
    game,
    game_by_image,
    region_counts,
    region_index,
    region_sums,
)
from crowdkit_core.metrics.structural_similarity import ssim_map

__all__ = [
    "BACKGROUND",
    "PSNR",
    "SSIM",
    "AveragePrecision",
    "BackgroundRatio",
    "CountErrors",
    "LocalizationScores",
    "Matches",
    "NormalizedPrecision",
    "RankedPrecision",
    "at_full_resolution",
    "average_precision",
    "background_ratio",
    "background_ratio_by_image",
    "game",
    "game_by_image",
    "localization_scores",
    "mae",
    "match_points",
    "matching_curve",
    "nae",
    "normalized_average_precision",
    "psnr",
    "psnr_by_image",
    "region_counts",
    "region_index",
    "region_sums",
    "rmse",
    "ssim",
    "ssim_by_image",
    "ssim_map",
]
