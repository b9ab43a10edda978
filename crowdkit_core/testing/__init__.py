"""The conformance kit: checks any component, and hypothesis strategies for users' own tests.

Needs the extra ``testing`` (pytest, hypothesis).
"""

from crowdkit_core.testing import strategies
from crowdkit_core.testing.counters import check_counter
from crowdkit_core.testing.datasets import check_dataset
from crowdkit_core.testing.density_generators import check_density_generator
from crowdkit_core.testing.localizers import check_localizer
from crowdkit_core.testing.losses import check_loss
from crowdkit_core.testing.metrics import check_metric
from crowdkit_core.testing.mixing import check_mix
from crowdkit_core.testing.recipes import check_recipes
from crowdkit_core.testing.runner import ConformanceError, checks_of, parametrize_with_checks
from crowdkit_core.testing.trainers import check_trainer
from crowdkit_core.testing.weights import check_weights

__all__ = [
    "ConformanceError",
    "check_counter",
    "check_dataset",
    "check_density_generator",
    "check_localizer",
    "check_loss",
    "check_metric",
    "check_mix",
    "check_recipes",
    "check_trainer",
    "check_weights",
    "checks_of",
    "parametrize_with_checks",
    "strategies",
]
