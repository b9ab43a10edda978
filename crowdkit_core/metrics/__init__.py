"""Pure metric functions on tensors: counts, counts by image region, and points."""

from crowdkit_core.metrics.counting import CountErrors, mae, nae, rmse
from crowdkit_core.metrics.matching import (
    LocalizationScores,
    Matches,
    localization_scores,
    match_points,
)
from crowdkit_core.metrics.ranking import AveragePrecision, average_precision
from crowdkit_core.metrics.regions import game, game_by_image, region_counts, region_sums

__all__ = [
    "AveragePrecision",
    "CountErrors",
    "LocalizationScores",
    "Matches",
    "average_precision",
    "game",
    "game_by_image",
    "localization_scores",
    "mae",
    "match_points",
    "nae",
    "region_counts",
    "region_sums",
    "rmse",
]
