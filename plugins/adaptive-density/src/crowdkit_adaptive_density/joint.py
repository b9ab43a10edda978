"""The trainer `joint`: a counter and the density generator it learns from, together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crowdkit_core.data import Augmentation
from crowdkit_core.errors import IncompatibleError
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
    Weighted,
    require_fit,
    require_strides,
)
from crowdkit_core.interfaces.trainer import DENSITY_GENERATOR
from crowdkit_core.training import OptimizationSettings, make_optimization


class JointStage(Stage):
    """A counter learns a generator's maps while the generator learns to make them learnable.

    The objective is the loss plus the generator's penalty, and nothing is detached: one backward
    pass gives the counter the gradient of the loss alone, on which the penalty does not depend, and
    the generator that of both.

    Args:
        counter: Trained, together with whatever parameters the loss has.
        loss: Compares prediction and target.
        density_generator: Trained.
        optimization: Optimizer and schedule of the counter.
        generator_optimization: Optimizer and schedule of the generator.
        generator_every_epochs: The generator moves only in epochs divisible by this.
    """

    def __init__(
        self,
        counter: Counter,
        loss: Loss,
        density_generator: DensityGenerator,
        *,
        optimization: OptimizationSettings,
        generator_optimization: OptimizationSettings,
        generator_every_epochs: int = 1,
    ) -> None:
        super().__init__()
        self.counter = counter
        self.loss = loss
        self.density_generator = density_generator
        self.optimization = optimization
        self.generator_optimization = generator_optimization
        self.generator_every_epochs = generator_every_epochs

    def forward(self, batch: Batch) -> LossTerms:
        """The loss of the counter's prediction, and the penalty of the generator.

        Raises:
            IncompatibleError: The loss looks at no map, so that the generator learns nothing.
        """
        target = Target.from_batch(batch, self.density_generator)
        loss: LossTerms = self.loss(self.counter(batch.images), target)
        if not target.strides:
            raise IncompatibleError(
                f"{self.loss.label} compares with no density map, so {self.density_generator.label}"
                " cannot be trained through it",
                hint="train with a loss of density maps such as mse, or with trainer supervised",
            )
        penalty = target.penalty()
        if penalty is None:
            return loss
        return LossTerms({**loss.terms, "penalty": penalty}, loss.total + penalty)

    def optimizations(self) -> Mapping[str, Optimization]:
        """Two optimizers, ``counter`` and ``density-generator``."""
        parameters = [*self.counter.named_parameters(), *self.loss.named_parameters(prefix="loss")]
        return {
            "counter": make_optimization(parameters, self.optimization),
            DENSITY_GENERATOR: make_optimization(
                self.density_generator.named_parameters(),
                self.generator_optimization,
                every_epochs=self.generator_every_epochs,
            ),
        }

    def companions(self) -> Mapping[str, Weighted]:
        """The generator, whose weights can train another counter."""
        return {DENSITY_GENERATOR: self.density_generator}


@dataclass(kw_only=True, eq=False)
class Joint(Trainer):
    """Trains a counter and a learnable density generator together.

    Algorithms 1 and 2 of Wan and Chan (Adaptive Density Map Generation for Crowd Counting, ICCV
    2019), with any counter, any loss of density maps and any generator that has parameters. The
    counter minimises the loss; the generator minimises the loss plus its own penalty (the second
    terms of equations 3 and 7), whose weight, the paper's alpha or beta, is an option of the
    generator. Algorithm 1 names only the penalty where it updates the refiner; we follow the text
    and the equations, by which the loss trains it too. A counter that is supervised at several
    strides penalises the generator for the map of each.

    The counter's result is what is validated and averaged (``loop.ema``); the generator's own
    weights, never averaged, are kept beside it as ``best-density-generator.safetensors`` and
    ``last-density-generator.safetensors``. They train another counter with trainer
    ``supervised`` and the density generator's option ``weights``.

    The paper's rates are 1e-5 for the refiner and for MCNN, FCN and SFCN, 1e-7 for the generator
    (all Adam) and 5e-7 for CSRNet (SGD).

    Args:
        epochs: Passes over the training images.
        batch_size: Images per batch, over all processes.
        optimization: Optimizer and schedule of the counter.
        generator_optimization: Optimizer and schedule of the generator.
        generator_every_epochs: The generator moves only in epochs divisible by this, counted from
            0: N_g of Algorithm 2, which names no value. Its schedule counts those epochs alone.
        augmentation: Random changes to each training image.
        loop: Validation, early stopping, averaging, accumulation and clipping.
    """

    epochs: AtLeastOne = 100
    batch_size: AtLeastOne = 1
    optimization: OptimizationSettings = OptimizationSettings(learning_rate=1e-5)
    generator_optimization: OptimizationSettings = OptimizationSettings(learning_rate=1e-5)
    generator_every_epochs: AtLeastOne = 1
    augmentation: Augmentation = Augmentation()
    loop: LoopSettings = LoopSettings()

    def stages(self, task: TrainingTask) -> Sequence[StagePlan]:
        """A single stage named ``joint``.

        Raises:
            IncompatibleError: The generator has nothing to train or to learn from, or loss or
                generator do not fit the counter.
            OptionsError: ``epochs`` or ``batch_size`` is less than 1.
        """
        self._require_learnable(task.density_generator)
        require_fit(task.loss, task.counter)
        require_strides(task.density_generator, task.counter)
        self._require_maps(task.counter)
        return [
            StagePlan(
                name="joint",
                epochs=self.epochs,
                batch_size=self.batch_size,
                build=lambda _: self._stage(task),
                transform=self.augmentation,
            )
        ]

    def _require_learnable(self, generator: DensityGenerator) -> None:
        if any(each.requires_grad for each in generator.parameters()):
            return
        frozen = any(True for _ in generator.parameters())
        why = "all its parameters are frozen" if frozen else "it has no parameters"
        raise IncompatibleError(
            f"{self.label} trains the density generator, and {generator.label} cannot learn: {why}",
            hint="train the counter alone with trainer supervised, or choose a learnable generator:"
            " adaptive-refiner or adaptive-generator",
        )

    def _require_maps(self, counter: Counter) -> None:
        if counter.learns_by_counts:
            return
        raise IncompatibleError(
            f"{self.label} trains the density generator through the maps of a counter, and "
            f"{counter.label} gives no density map",
            hint="train the counter with trainer supervised",
        )

    def _stage(self, task: TrainingTask) -> JointStage:
        return JointStage(
            task.counter,
            task.loss,
            task.density_generator,
            optimization=self.optimization,
            generator_optimization=self.generator_optimization,
            generator_every_epochs=self.generator_every_epochs,
        )
