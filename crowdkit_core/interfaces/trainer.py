"""The trainer contract: a list of stages; the engine in `crowdkit_core.training` runs them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

from annotated_types import Ge
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from crowdkit_core.errors import IncompatibleError, OptionsError, require_at_least_one
from crowdkit_core.interfaces.counter import Counter
from crowdkit_core.interfaces.dataset import Dataset
from crowdkit_core.interfaces.density_generator import DensityGenerator
from crowdkit_core.interfaces.loss import Loss, LossTerms
from crowdkit_core.interfaces.origin import Component
from crowdkit_core.interfaces.samples import Batch, Transform
from crowdkit_core.interfaces.weighted import Weighted

AtLeastOne = Annotated[int, Ge(1)]
"""For options of trainers that are numbers of things."""


@dataclass(frozen=True, kw_only=True)
class TrainingTask:
    """What to train, on what.

    Attributes:
        counter: Trained in place.
        loss: Minimised.
        density_generator: Makes the target maps.
        train: Training images.
        validation: Images the best checkpoint is chosen on; None keeps only the last.

    Raises:
        IncompatibleError: The counter has nothing to train.
    """

    counter: Counter
    loss: Loss
    density_generator: DensityGenerator
    train: Dataset
    validation: Dataset | None = None

    def __post_init__(self) -> None:
        if not self.counter.trainable:
            raise IncompatibleError(
                f"{self.counter.label} cannot be trained: it runs a finished network",
                hint="train the counter that the network is of, then export it again",
            )


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """One optimizer of a stage and what moves its learning rate.

    Attributes:
        optimizer: Over the parameters it owns.
        schedule: Stepped as ``schedule_interval`` says; None keeps the rate.
        schedule_interval: ``epoch`` or ``step``.
        every_epochs: Steps only in epochs divisible by this.
        schedule_for: Makes a schedule of so many steps, where nothing but the run says how many;
            ``schedule`` is None then.
    """

    optimizer: Optimizer
    schedule: LRScheduler | None = None
    schedule_interval: str = "epoch"
    every_epochs: int = 1
    schedule_for: Callable[[int], LRScheduler] | None = None

    def lasting(self, epochs: int, *, updates: int) -> Self:
        """The same with the schedule of a stage whose length is known.

        Args:
            epochs: Of the stage.
            updates: Optimizer steps of an epoch.

        Raises:
            OptionsError: The schedule cannot be that long.
        """
        if self.schedule_for is None:
            return self
        schedule = self.schedule_for(self.steps(epochs, updates=updates))
        return replace(self, schedule=schedule, schedule_for=None)

    def steps(self, epochs: int, *, updates: int) -> int:
        """How often the schedule is stepped; arguments as of `lasting`."""
        own = -(-epochs // self.every_epochs)
        return own if self.schedule_interval == "epoch" else own * updates


DENSITY_GENERATOR = "density-generator"
"""Name of the companion that makes target maps; `crowdkit eval` compares with those of its file."""


def companion_file(weights: Path, name: str) -> Path:
    """Where the weights of a `Stage`'s companion are, beside the counter's.

    Example:
        >>> companion_file(Path("run/best.safetensors"), "density-generator").name
        'best-density-generator.safetensors'
    """
    return weights.with_name(f"{weights.stem}-{name}{weights.suffix}")


class Stage(nn.Module, ABC):
    """One training problem: modules, an objective over a batch, and its optimizers.

    All modules that take part are submodules, frozen ones included, so that one wrapper serves
    distributed training and one state_dict holds everything; ``forward`` is the objective.

    Attributes:
        counter: Validated after an epoch; its weights are the stage's result.
        density_generator: Makes targets; its and the loss's `measure` run on whole images.
        loss: The loss within the objective.
        dataset: Training images of this stage; None for the task's.
        judged_by: The counter's alternative count (`Prediction.counts`) that is validated; the
            count itself when empty. For a stage that trains what that does not show.
    """

    counter: Counter
    density_generator: DensityGenerator
    loss: Loss
    dataset: Dataset | None = None
    judged_by: str = ""

    @abstractmethod
    def forward(self, batch: Batch) -> LossTerms:
        """The objective of a batch."""

    @abstractmethod
    def optimizations(self) -> Mapping[str, Optimization]:
        """Optimizers by name, made after the modules are on their device; called once."""

    def companions(self) -> Mapping[str, Weighted]:
        """Networks trained beside the counter, by name; none by default.

        Their weights are kept beside the counter's; `companion_file` says under what name.
        """
        return {}

    def start_epoch(self, epoch: int) -> None:
        """Called in training mode before each epoch of the stage, counted from 0.

        The place to put frozen parts, such as a teacher, back into ``eval`` mode.
        """
        self.loss.start_epoch(epoch)

    def end_epoch(self, epoch: int) -> None:
        """Called after each epoch, before it is validated and saved; nothing by default.

        The place to fit what gradients do not reach, for example to the training images.
        """


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """A stage that a trainer plans.

    Attributes:
        name: Unique within the trainer; names the stage's folder in the run.
        epochs: How long it lasts.
        batch_size: Images per step over all processes.
        build: Makes the stage. Takes the best weights file of each finished stage by name, also
            after a resume: a teacher or an initialisation comes from there.
        transform: Augments one sample of an epoch; takes the sample and a seed that depends on
            run, epoch and index only. None leaves samples as they are. Where it makes several of
            one, all are in the step of their image.

    Raises:
        OptionsError: ``epochs`` or ``batch_size`` is less than 1.
    """

    name: str
    epochs: int
    batch_size: int
    build: Callable[[Mapping[str, Path]], Stage]
    transform: Transform | None = field(default=None)

    def __post_init__(self) -> None:
        require_at_least_one(
            {
                f"epochs of stage {self.name!r}": self.epochs,
                f"batch_size of stage {self.name!r}": self.batch_size,
            }
        )


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """How the engine runs the epochs of every stage.

    Attributes:
        validate_every: Epochs between validations; the last epoch of a stage is always validated.
        patience: Validations in a row without a lower MAE after which a stage ends early; None
            never does.
        ema: Decay of the exponential moving average of the counter's weights, which is then what
            is validated and saved; None for none.
        accumulate: Batches whose gradients are averaged into one optimizer step.
        clip_norm: Greatest 2-norm of each optimizer's gradients.
        freeze_batch_norm: Batch norms normalise with the statistics they came with, in training
            as in evaluation: for small or mixed batches, where training goes on from good weights.

    Raises:
        OptionsError: A value out of its range.
    """

    validate_every: int = 1
    patience: int | None = None
    ema: float | None = None
    accumulate: int = 1
    clip_norm: float | None = None
    freeze_batch_norm: bool = False

    def __post_init__(self) -> None:
        require_at_least_one(
            {name: getattr(self, name) for name in ("validate_every", "patience", "accumulate")}
        )
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise OptionsError(f"clip_norm is {self.clip_norm}, must be positive")
        if self.ema is not None and not 0 < self.ema < 1:
            raise OptionsError(f"ema is {self.ema}, must be between 0 and 1")


class Trainer(Component, ABC):
    """Plans training as a list of stages run one after the other by the engine.

    Attributes:
        loop: How the engine runs the stages.
    """

    kind: ClassVar[str] = "trainer"

    loop: LoopSettings = LoopSettings()

    @abstractmethod
    def stages(self, task: TrainingTask) -> Sequence[StagePlan]:
        """The stages of a task, in order.

        Raises:
            IncompatibleError: The task's components do not fit together; names both.
        """

    def chosen(self, errors: Mapping[str, float]) -> str:
        """The stage whose weights are the result of the run; the last one by default.

        They must fit the last stage's counter.

        Args:
            errors: Lowest validation MAE of every stage, in order; infinite where nothing was
                validated.
        """
        return list(errors)[-1]
