"""The trainer `staged`: parts of a counter learn one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from crowdkit_core.data import Augmentation
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import (
    AtLeastOne,
    Counter,
    Dataset,
    LoopSettings,
    Loss,
    Stage,
    StagePlan,
    Trainer,
    TrainingTask,
    evaluating,
    require_fit,
    require_strides,
)
from crowdkit_core.registry import create, with_options
from crowdkit_core.spelling import near_names
from crowdkit_core.training import OptimizationSettings
from crowdkit_core.training.run_folder import LAST_FILE
from crowdkit_raznet.branch_stage import (
    BranchStage,
    Calibrated,
    CountsInWays,
    Proposing,
    Restrictable,
    freeze_all_but,
)
from crowdkit_raznet.zoomed_regions import ZoomedRegions


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """Settings of one stage: what learns, from what, and how.

    Attributes:
        name: Names the stage's folder.
        epochs: Passes over the stage's images.
        batch_size: Images per batch, over all processes.
        trains: Prefixes of the names of the counter's parameters that learn, the others are
            frozen: ``["main.counting.", "main.backbone."]``. Empty for all that ask for gradients
            when training begins.
        maps: Maps that the counter gives during the stage, and that it is validated by; all when
            empty. Others are not computed.
        network: Name of the counter's submodule that is shown the images, itself a counter; empty
            for the counter.
        images: ``whole``, or ``proposed``: regions that the counter proposes with the weights the
            stage starts from, enlarged. They are found once, before the stage starts.
        loss: Options of the loss that differ from the task's in this stage; with a ``name``,
            another loss and its options.
        copies: Submodules that start the stage as copies of others: ``{ zoom = "main" }``.
        calibrate: Whether what the counter fits without gradients is fitted to the training
            images, before each validation.
        judged_by: The counter's way of counting whose error chooses the best weights and moves the
            schedule; its count when empty. For a stage that the count hardly shows.
        hands_on: Weights that the next stage starts from: the ``best`` by validation, or the
            ``last``, for a stage that does not change the count.
        optimization: Optimizer and schedule.
        augmentation: Random changes to each training image.
    """

    name: str
    epochs: AtLeastOne = 100
    batch_size: AtLeastOne = 1
    trains: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    network: str = ""
    images: Literal["whole", "proposed"] = "whole"
    loss: dict[str, Any] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    calibrate: bool = False
    judged_by: str = ""
    hands_on: Literal["best", "last"] = "best"
    optimization: OptimizationSettings = field(default_factory=OptimizationSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)


class Staged(Trainer):
    """Trains parts of a counter one after the other, each stage with its own settings.

    Each stage starts from the weights of the one before. The scheme of Liu, Weng and Mu, CVPR
    2019, section 3.2, for any list of stages and any counter: parts are named by prefixes of
    parameter names. What a setting asks of a counter is a method: ``restrict(names)`` for
    ``maps``, ``propose(image)`` for proposed images, ``calibrate(dataset)``, and for ``copies`` of
    unlike parts ``adopt(other)``; ``judged_by`` asks for the names ``ways``. Only what learns is in
    the optimizer, and what is frozen stays in evaluation mode.

    As a recipe, RAZNet's first stage and its last::

        [trainer]
        name = "staged"

        [[trainer.stages]]
        name = "counting"
        trains = ["main.backbone.", "main.counting."]
        maps = ["density"]
        loss = { density = 1.0, localization = 0.0, attention = 0.0 }

        [[trainer.stages]]
        name = "zooming"
        trains = ["zoom."]
        network = "zoom"
        images = "proposed"
        copies = { zoom = "main" }
        loss = { density = 0.0 }
        judged_by = "localization+"
        calibrate = true

    Args:
        stages: In order; the last one's counter is the result.
        loop: Validation, early stopping, averaging, accumulation and clipping, of every stage.

    Raises:
        OptionsError: There is no stage, two have one name, or one calibrates while ``loop.ema``
            averages, which would save other weights than those calibrated.
    """

    def __init__(
        self,
        *,
        stages: tuple[StageSettings, ...] = (StageSettings(name="all"),),
        loop: LoopSettings = LoopSettings(),  # frozen
    ) -> None:
        names = [each.name for each in stages]
        if not stages or len(set(names)) < len(names):
            raise OptionsError(
                f"stages are named {names}, expected at least one and distinct names"
            )
        calibrating = [each.name for each in stages if each.calibrate]
        if calibrating and loop.ema is not None:
            raise OptionsError(
                f"stage {calibrating[0]!r}: calibrate and loop.ema exclude each other"
            )
        self.settings = stages
        self.loop = loop

    def stages(self, task: TrainingTask) -> Sequence[StagePlan]:
        """The stages as configured.

        Raises:
            IncompatibleError: A stage asks for what the counter does not have; names both.
            OptionsError: A prefix that fits no parameter, or options its loss does not have.
        """
        learning = [_learning(each, task.counter) for each in self.settings]
        losses = [_loss(each, task) for each in self.settings]
        for settings, loss in zip(self.settings, losses, strict=True):
            _check(settings, loss, task)
        before = {later.name: earlier for earlier, later in pairwise(self.settings)}

        def plan(settings: StageSettings, loss: Loss, names: Sequence[str]) -> StagePlan:
            def build(finished: Mapping[str, Path]) -> Stage:
                if settings.name in before:
                    task.counter.load_weights(_handed_on(before[settings.name], finished))
                return self._stage(settings, loss, names, task)

            return StagePlan(
                name=settings.name,
                epochs=settings.epochs,
                batch_size=settings.batch_size,
                build=build,
                transform=settings.augmentation,
            )

        return [plan(*each) for each in zip(self.settings, losses, learning, strict=True)]

    def _stage(
        self, settings: StageSettings, loss: Loss, learning: Sequence[str], task: TrainingTask
    ) -> BranchStage:
        counter = task.counter
        for name, source in settings.copies.items():
            _copy(counter, source, name)
        freeze_all_but(counter, learning)
        _restrict(counter, None)
        dataset = _proposed(task) if settings.images == "proposed" else None
        _restrict(counter, settings.maps or None)

        def after_epoch(epoch: int) -> None:
            done = epoch + 1
            due = done % self.loop.validate_every == 0 or done == settings.epochs
            if settings.calibrate and due and isinstance(counter, Calibrated):
                counter.calibrate(task.train)

        return BranchStage(
            counter,
            settings.network,
            loss,
            task.density_generator,
            settings.optimization,
            dataset=dataset,
            judged_by=settings.judged_by,
            after_epoch=after_epoch,
        )


def _learning(settings: StageSettings, counter: Counter) -> list[str]:
    """Names of the parameters that learn in a stage."""
    parameters = dict(counter.named_parameters())
    if not settings.trains:
        return [name for name, each in parameters.items() if each.requires_grad]
    for prefix in settings.trains:
        if not any(name.startswith(prefix) for name in parameters):
            parts = sorted({".".join(name.split(".")[:2]) + "." for name in parameters})
            near = near_names(prefix, parts, most=3) or parts
            raise OptionsError(
                f"stage {settings.name!r}: no parameter of {counter.label} begins with {prefix!r}",
                hint=f"its parts: {', '.join(near)}",
            )
    return [name for name in parameters if name.startswith(settings.trains)]


def _loss(settings: StageSettings, task: TrainingTask) -> Loss:
    """The loss of a stage: the task's, the same with other options, or another."""
    if not settings.loss:
        return task.loss
    if "name" in settings.loss:
        name, options = settings.loss["name"], dict(settings.loss)
        del options["name"]
        return create("loss", name, **options)
    try:
        return with_options(task.loss, settings.loss)
    except IncompatibleError as error:
        error.message = f"stage {settings.name!r}: {error.message}"
        raise


def _check(settings: StageSettings, loss: Loss, task: TrainingTask) -> None:
    """Fail before the first step when a stage cannot work."""
    counter = task.counter
    for needed, protocol, method in (
        (bool(settings.maps), Restrictable, "restrict(names)"),
        (settings.images == "proposed", Proposing, "propose(image)"),
        (settings.calibrate, Calibrated, "calibrate(dataset)"),
        (bool(settings.judged_by), CountsInWays, "the names of its counts, ways,"),
    ):
        if needed and not isinstance(counter, protocol):
            raise IncompatibleError(
                f"stage {settings.name!r} needs a counter with {method}, which {counter.label}"
                " does not have"
            )
    if isinstance(counter, CountsInWays) and settings.judged_by not in ("", *counter.ways):
        raise IncompatibleError(
            f"stage {settings.name!r} is judged by {settings.judged_by!r}, a count that"
            f" {counter.label} does not give",
            hint=f"it gives: {', '.join(counter.ways)}",
        )
    unknown = sorted(set(settings.maps) - counter.outputs.keys())
    if unknown:
        raise IncompatibleError(
            f"stage {settings.name!r} wants a map {unknown[0]!r}, which {counter.label} does not"
            " give",
            hint=f"it gives: {', '.join(sorted(counter.outputs))}",
        )
    for name in [*settings.copies, *settings.copies.values()]:
        _submodule(settings, counter, name)
    network = _submodule(settings, counter, settings.network)
    if not isinstance(network, Counter):
        raise IncompatibleError(
            f"stage {settings.name!r}: {settings.network!r} of {counter.label} is a"
            f" {type(network).__name__}, expected a counter"
        )
    require_fit(loss, network)
    require_strides(task.density_generator, network)


def _submodule(settings: StageSettings, counter: Counter, name: str) -> Any:
    try:
        return counter.get_submodule(name)
    except AttributeError:
        children = ", ".join(child for child, _ in counter.named_children())
        raise IncompatibleError(
            f"stage {settings.name!r}: {counter.label} has no part named {name!r}",
            hint=f"its parts: {children}",
        ) from None


def _handed_on(settings: StageSettings, finished: Mapping[str, Path]) -> Path:
    """The file of a finished stage that the next one starts from."""
    best = finished[settings.name]
    last = best.with_name(LAST_FILE)
    # Only the best weights are promised; the engine keeps the last beside them.
    return last if settings.hands_on == "last" and last.exists() else best


def _copy(counter: Counter, source: str, name: str) -> None:
    from_part, to_part = counter.get_submodule(source), counter.get_submodule(name)
    adopt: Any = getattr(to_part, "adopt", None)
    if adopt is not None:
        adopt(from_part)
    else:
        to_part.load_state_dict(from_part.state_dict())


def _restrict(counter: Counter, names: Sequence[str] | None) -> None:
    if isinstance(counter, Restrictable):
        counter.restrict(names)


def _proposed(task: TrainingTask) -> Dataset:
    counter = task.counter
    assert isinstance(counter, Proposing)  # checked before training
    with evaluating(counter) as device:
        return ZoomedRegions.proposed(task.train, counter.propose, device=device)
