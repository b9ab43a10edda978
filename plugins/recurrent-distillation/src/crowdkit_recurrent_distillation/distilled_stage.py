"""The stage in which a student learns target maps and a frozen teacher's maps."""

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.interfaces import (
    Batch,
    Counter,
    DensityGenerator,
    Loss,
    LossTerms,
    Prediction,
    Target,
)
from crowdkit_core.losses import maps_of_kind, squared_error
from crowdkit_core.precision import at_least_float32
from crowdkit_core.training import OptimizationSettings, SupervisedStage


class DistilledStage(SupervisedStage):
    """Minimises the loss plus ``teacher_weight`` times the distance to a teacher's prediction.

    Gu and Liu, arXiv 2006.07755, eq. 9; eq. 8 where the targets do not change. Student and
    teacher see the same batch, after its augmentation.

    Args:
        counter: The student.
        loss: Compares prediction and target.
        density_generator: Frozen.
        optimization: Optimizer and schedule.
        teacher: Frozen, in evaluation mode throughout.
        teacher_weight: The paper's lambda.
    """

    def __init__(
        self,
        counter: Counter,
        loss: Loss,
        density_generator: DensityGenerator,
        optimization: OptimizationSettings,
        *,
        teacher: Counter,
        teacher_weight: float,
    ) -> None:
        super().__init__(counter, loss, density_generator, optimization)
        self.teacher = teacher.requires_grad_(False).eval()
        self.teacher_weight = teacher_weight

    def forward(self, batch: Batch) -> LossTerms:
        """The loss's terms, and ``teacher``: the weighted distance."""
        target = Target.from_batch(batch, self.density_generator)
        with torch.no_grad():
            taught = self.teacher(batch.images)
        learned = self.counter(batch.images)
        loss: LossTerms = self.loss(learned, target)
        distance = self.teacher_weight * teacher_distance(learned, taught, target, self.loss)
        return LossTerms({**loss.terms, "teacher": distance}, loss.total + distance)

    def start_epoch(self, epoch: int) -> None:
        """Put the teacher back into evaluation mode."""
        super().start_epoch(epoch)
        self.teacher.eval()


def teacher_distance(
    learned: Prediction, taught: Prediction, target: Target, loss: Loss
) -> Float[Tensor, ""]:
    """Squared distance between two predictions of one batch, in persons squared.

    The sum over the cells of every density map that the teacher gives, the mean over images; cells
    count by their share inside image and region. A count that is no sum of a map, but regressed,
    adds its squared difference; without any map it is all there is.

    Args:
        learned: The student's.
        taught: The teacher's, of a counter with the same outputs.
        target: The batch's, for its region.
        loss: Named in errors.
    """
    student, teacher = (maps_of_kind(each, "density", loss) for each in (learned, taught))
    distances = [
        _map_distance(student[name][0], density, target.shares(stride))
        for name, (density, stride) in teacher.items()
    ]
    if taught.direct_count or not distances:
        distances.append(
            (at_least_float32(learned.count) - at_least_float32(taught.count)).square().mean()
        )
    return torch.stack(distances).sum()


def _map_distance(learned: Tensor, taught: Tensor, shares: Tensor | None) -> Tensor:
    taught = at_least_float32(taught)
    inside = taught if shares is None else taught * shares
    return squared_error(at_least_float32(learned), inside, shares=shares)
