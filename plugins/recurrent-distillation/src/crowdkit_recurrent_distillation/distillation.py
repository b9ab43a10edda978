"""The trainer `distillation`: stages of ever sharper maps, each student taught by the last."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import Any

from crowdkit_core.data import Augmentation
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import (
    AtLeastOne,
    Counter,
    DensityGenerator,
    LoopSettings,
    Stage,
    StagePlan,
    Trainer,
    TrainingTask,
    require_fit,
    require_strides,
)
from crowdkit_core.registry import has_option, with_options
from crowdkit_core.training import OptimizationSettings, SupervisedStage
from crowdkit_recurrent_distillation.distilled_stage import DistilledStage

PAPER_SIGMA_MAX = (25.0, 20.0, 10.0, 5.0)
"""Widest Gaussian of each stage in pixels, section IV-B."""


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """How long a stage lasts and how its student is updated.

    Attributes:
        epochs: Passes over the training images.
        optimization: Optimizer and schedule; each stage starts with new ones.
    """

    epochs: AtLeastOne = 100
    optimization: OptimizationSettings = field(default_factory=OptimizationSettings)


@dataclass(kw_only=True, eq=False)
class Distillation(Trainer):
    """Iterative distillation: each stage's student learns its targets and its predecessor's maps.

    Gu and Liu, arXiv 2006.07755, section III-C. Stage ``initial`` minimises the loss alone
    (eq. 7). Stages ``distilled-1``, ``distilled-2``, ... add the distance to the teacher (eq. 9):
    the best weights of the stage before, frozen. With targets that stay the same this is eq. 8.

    Every student starts from the weights the counter had when training began: a pretrained front
    end as it was loaded, and all other layers as they were drawn then, the same draw in each
    stage. Each stage has its own loss, optimizer and schedule too. A run resumed between two stages
    needs the counter it started with, which the run's seed gives.

    Any counter will do: all of its maps of kind ``density`` are distilled, and a regressed count.
    A counter that gives its auxiliary maps in training only is distilled by what it gives in
    evaluation, the mode the teacher is in. Any loss will do: the distance is always the sum over
    an image's cells of squared persons, so a loss with a scale s asks for a ``teacher_weight`` of
    s squared to balance as in the paper.

    Every stage keeps its weights in a folder of its name (``crowdkit eval RUN --weights
    RUN/distilled-1/best.safetensors``). The run's result is the stage of the lowest validation
    MAE, the paper's last useful one; the last stage where nothing is validated. `crowdkit eval`
    compares density maps (PSNR, SSIM) with those of the task's generator; for those of a stage,
    repeat its options: ``--set density_generator.sigma_max=10``.

    As a recipe, with the paper's settings for ShanghaiTech::

        [trainer]
        name = "distillation"
        generator_options = [{ sigma_max = 25.0 }, { sigma_max = 20.0 }, { sigma_max = 10.0 }]
        teacher_weight = 1.0
        batch_size = 1

        [trainer.initial]
        epochs = 100

        [trainer.initial.optimization]
        optimizer = "SGD"
        learning_rate = 5e-6
        options = { momentum = 0.95 }
        schedule = "MultiStepLR"
        schedule_options = { milestones = [60, 80, 90] }

        [trainer.distilled]
        epochs = 100

        [trainer.distilled.optimization]
        optimizer = "SGD"
        learning_rate = 5e-6
        options = { momentum = 0.95 }
        schedule = "MultiStepLR"
        schedule_options = { milestones = [20, 60, 80] }

    Args:
        generator_options: One table for each stage: the density generator's options that differ
            from the task's. Empty tables leave the targets as they are. None is ``sigma_max`` 25,
            20, 10 and 5 for a generator that has this option, and otherwise as many stages with
            the targets as they are.
        initial: The first stage.
        distilled: Each stage with a teacher.
        teacher_weight: The paper's lambda, which it does not print.
        batch_size: Images per batch, over all processes.
        augmentation: Random changes to each training image.
        loop: Validation, early stopping, averaging, accumulation and clipping.

    Raises:
        OptionsError: A value out of its range.
    """

    generator_options: tuple[dict[str, Any], ...] | None = None
    initial: StageSettings = StageSettings()
    distilled: StageSettings = StageSettings()
    teacher_weight: float = 1.0
    batch_size: AtLeastOne = 1
    augmentation: Augmentation = Augmentation()
    loop: LoopSettings = LoopSettings()

    def __post_init__(self) -> None:
        if self.generator_options is not None and not self.generator_options:
            raise OptionsError(
                "generator_options is empty, expected a table for each stage",
                hint="[{}, {}] is two stages whose targets stay as they are",
            )
        if not (self.teacher_weight >= 0 and isfinite(self.teacher_weight)):
            raise OptionsError(f"teacher_weight is {self.teacher_weight}, must be finite and >= 0")

    def stages(self, task: TrainingTask) -> Sequence[StagePlan]:
        """``initial``, then ``distilled-1``, ``distilled-2``, ...

        Raises:
            IncompatibleError: Loss or generator do not fit the counter, the generator's options
                cannot be changed, or the counter has nothing to distill.
            OptionsError: The generator has no such option.
        """
        require_fit(task.loss, task.counter)
        if not task.counter.learns_by_counts:
            raise IncompatibleError(
                f"{self.label} distills density maps or a regressed count, and "
                f"{task.counter.label} gives neither",
                hint="train it with trainer supervised",
            )
        generators = self._generators(task.density_generator)
        for generator in generators:
            require_strides(generator, task.counter)
        last = len(generators) - 1
        return [
            self._plan(t, task, generator, is_last=t == last)
            for t, generator in enumerate(generators)
        ]

    def chosen(self, errors: Mapping[str, float]) -> str:
        """The stage of the lowest validation MAE; the last one where nothing was validated."""
        if min(errors.values()) == inf:
            return super().chosen(errors)
        return min(errors, key=lambda name: errors[name])

    def _generators(self, generator: DensityGenerator) -> list[DensityGenerator]:
        """The targets of each stage; equal changes would make equal generators."""
        changes: Sequence[Mapping[str, Any]]
        if self.generator_options is not None:
            changes = self.generator_options
        elif has_option(generator, "sigma_max"):
            changes = [{"sigma_max": sigma} for sigma in PAPER_SIGMA_MAX]
        else:
            changes = [{} for _ in PAPER_SIGMA_MAX]
        return [with_options(generator, each) for each in changes]

    def _plan(
        self, t: int, task: TrainingTask, generator: DensityGenerator, *, is_last: bool
    ) -> StagePlan:
        settings = self.distilled if t else self.initial

        def build(finished: Mapping[str, Path]) -> Stage:
            # The task's own counter is the last student, so that until then it is a fresh one.
            student = task.counter if is_last else deepcopy(task.counter)
            loss = deepcopy(task.loss)
            if t == 0:
                return SupervisedStage(student, loss, generator, settings.optimization)
            return DistilledStage(
                student,
                loss,
                generator,
                settings.optimization,
                teacher=_with_weights(task.counter, finished[_name(t - 1)]),
                teacher_weight=self.teacher_weight,
            )

        return StagePlan(
            name=_name(t),
            epochs=settings.epochs,
            batch_size=self.batch_size,
            build=build,
            transform=self.augmentation,
        )


def _name(t: int) -> str:
    return f"distilled-{t}" if t else "initial"


def _with_weights(counter: Counter, weights: Path) -> Counter:
    teacher = deepcopy(counter)
    teacher.load_weights(weights)
    return teacher
