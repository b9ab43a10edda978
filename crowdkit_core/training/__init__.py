"""Training: trainers plan stages, the engine runs them.

Names are imported when first used, so that the listeners in this package load without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crowdkit_core.training.engine import train
    from crowdkit_core.training.optimization import OptimizationSettings, make_optimization
    from crowdkit_core.training.result import TrainingResult
    from crowdkit_core.training.supervised import Supervised, SupervisedStage

_HOMES = {
    "OptimizationSettings": "optimization",
    "Supervised": "supervised",
    "SupervisedStage": "supervised",
    "TrainingResult": "result",
    "make_optimization": "optimization",
    "train": "engine",
}

__all__ = [
    "OptimizationSettings",
    "Supervised",
    "SupervisedStage",
    "TrainingResult",
    "make_optimization",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
