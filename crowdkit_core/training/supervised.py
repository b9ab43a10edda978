"""The trainer `supervised`: one counter, one loss, one optimizer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crowdkit_core.data import Augmentation
from crowdkit_core.interfaces import (
    AtLeastOne,
    Batch,
    Counter,
    DensityGenerator,
    LoopSettings,
    Loss,
    LossTerms,
    Optimization,
    Stage,
    StagePlan,
    Target,
    Trainer,
    TrainingTask,
    require_fit,
    require_strides,
)
from crowdkit_core.training.optimization import OptimizationSettings, make_optimization


class SupervisedStage(Stage):
    """A counter learns the target maps of a generator that stays as it is.

    Args:
        counter: Trained, together with whatever parameters the loss has.
        loss: Compares prediction and target.
        density_generator: Frozen.
        optimization: Optimizer and schedule.
    """

    def __init__(
        self,
        counter: Counter,
        loss: Loss,
        density_generator: DensityGenerator,
        optimization: OptimizationSettings,
    ) -> None:
        super().__init__()
        self.counter = counter
        self.loss = loss
        self.density_generator = density_generator.requires_grad_(False)
        self.optimization = optimization

    def forward(self, batch: Batch) -> LossTerms:
        """The loss of the counter's prediction."""
        target = Target.from_batch(batch, self.density_generator)
        terms: LossTerms = self.loss(self.counter(batch.images), target)
        return terms

    def optimizations(self) -> Mapping[str, Optimization]:
        """One optimizer, named ``counter``."""
        parameters = [*self.counter.named_parameters(), *self.loss.named_parameters(prefix="loss")]
        return {"counter": make_optimization(parameters, self.optimization)}

    def start_epoch(self, epoch: int) -> None:
        """Keep the frozen generator in evaluation mode."""
        super().start_epoch(epoch)
        self.density_generator.eval()


@dataclass(kw_only=True, eq=False)
class Supervised(Trainer):
    """Minimises a loss between predictions and target maps.

    Args:
        epochs: Passes over the training images.
        batch_size: Images per batch, over all processes.
        optimization: Optimizer and schedule.
        augmentation: Random changes to each training image.
        loop: Validation, early stopping, averaging, accumulation and clipping.
    """

    epochs: AtLeastOne = 100
    batch_size: AtLeastOne = 1
    optimization: OptimizationSettings = OptimizationSettings()
    augmentation: Augmentation = Augmentation()
    loop: LoopSettings = LoopSettings()

    def stages(self, task: TrainingTask) -> Sequence[StagePlan]:
        """A single stage named ``supervised``.

        Raises:
            IncompatibleError: Loss or generator do not fit the counter.
            OptionsError: ``epochs`` or ``batch_size`` is less than 1.
        """
        require_fit(task.loss, task.counter)
        require_strides(task.density_generator, task.counter)
        return [
            StagePlan(
                name="supervised",
                epochs=self.epochs,
                batch_size=self.batch_size,
                build=lambda _: self._stage(task),
                transform=self.augmentation,
            )
        ]

    def _stage(self, task: TrainingTask) -> SupervisedStage:
        return SupervisedStage(task.counter, task.loss, task.density_generator, self.optimization)
