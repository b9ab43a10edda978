"""Evaluate a counter on a dataset: errors with intervals, by count range and by image."""

from crowdkit_core.evaluation.baseline import annotated_counts, constant_baseline
from crowdkit_core.evaluation.bootstrap import Estimate
from crowdkit_core.evaluation.evaluate import evaluate, validate
from crowdkit_core.evaluation.evaluate_points import evaluate_points
from crowdkit_core.evaluation.image_result import ImageResult
from crowdkit_core.evaluation.localizer_tuning import TriedSetting, Tuning, tune_localizer
from crowdkit_core.evaluation.output import (
    format_report,
    report_dict,
    write_image_csv,
    write_report,
)
from crowdkit_core.evaluation.report import Report
from crowdkit_core.evaluation.scores import RANGES, GroupMeans, GroupScores, RangeScores, Scores

__all__ = [
    "RANGES",
    "Estimate",
    "GroupMeans",
    "GroupScores",
    "ImageResult",
    "RangeScores",
    "Report",
    "Scores",
    "TriedSetting",
    "Tuning",
    "annotated_counts",
    "constant_baseline",
    "evaluate",
    "evaluate_points",
    "format_report",
    "report_dict",
    "tune_localizer",
    "validate",
    "write_image_csv",
    "write_report",
]
