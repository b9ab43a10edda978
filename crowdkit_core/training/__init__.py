"""Training: trainers plan stages, the engine runs them."""

from crowdkit_core.training.engine import train
from crowdkit_core.training.from_recipe import build, require_parts_fit, train_recipe
from crowdkit_core.training.optimization import OptimizationSettings, make_optimization
from crowdkit_core.training.result import TrainingResult
from crowdkit_core.training.supervised import Supervised, SupervisedStage

__all__ = [
    "OptimizationSettings",
    "Supervised",
    "SupervisedStage",
    "TrainingResult",
    "build",
    "make_optimization",
    "require_parts_fit",
    "train",
    "train_recipe",
]
