"""The contracts between components, and the values that pass between them."""

from crowdkit_core.interfaces.compatibility import require_fit, require_strides
from crowdkit_core.interfaces.counter import Calibrated, Counter, Look, evaluating
from crowdkit_core.interfaces.dataset import Dataset, Split
from crowdkit_core.interfaces.density_generator import DensityGenerator
from crowdkit_core.interfaces.large_image import LargeImage
from crowdkit_core.interfaces.localizer import Localizer
from crowdkit_core.interfaces.loss import Loss, LossTerms
from crowdkit_core.interfaces.metric import MapMetric, Metric, PointMetric
from crowdkit_core.interfaces.origin import Component, Origin
from crowdkit_core.interfaces.points import LocalizedPoints, Points, points_inside
from crowdkit_core.interfaces.prediction import MapKind, MapSpec, Prediction, cell_shares
from crowdkit_core.interfaces.proposals import Proposals, predict_points, proposals_of
from crowdkit_core.interfaces.samples import Annotation, Batch, Lengths, Sample, Size, Transform
from crowdkit_core.interfaces.target import Target
from crowdkit_core.interfaces.tracker import TrackedRun, Tracker, require_package
from crowdkit_core.interfaces.trainer import (
    AtLeastOne,
    LoopSettings,
    Optimization,
    Stage,
    StagePlan,
    Trainer,
    TrainingTask,
    companion_file,
)
from crowdkit_core.interfaces.value_range import ValueRange
from crowdkit_core.interfaces.weighted import Weighted

__all__ = [
    "Annotation",
    "AtLeastOne",
    "Batch",
    "Calibrated",
    "Component",
    "Counter",
    "Dataset",
    "DensityGenerator",
    "LargeImage",
    "Lengths",
    "LocalizedPoints",
    "Localizer",
    "Look",
    "LoopSettings",
    "Loss",
    "LossTerms",
    "MapKind",
    "MapMetric",
    "MapSpec",
    "Metric",
    "Optimization",
    "Origin",
    "PointMetric",
    "Points",
    "Prediction",
    "Proposals",
    "Sample",
    "Size",
    "Split",
    "Stage",
    "StagePlan",
    "Target",
    "TrackedRun",
    "Tracker",
    "Trainer",
    "TrainingTask",
    "Transform",
    "ValueRange",
    "Weighted",
    "cell_shares",
    "companion_file",
    "evaluating",
    "points_inside",
    "predict_points",
    "proposals_of",
    "require_fit",
    "require_package",
    "require_strides",
]
