"""The engine: runs a trainer's stages on `lightning_fabric.Fabric`."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader

from crowdkit_core.data import measure_lengths, training_loader
from crowdkit_core.data.loading import InMemory, as_cached
from crowdkit_core.errors import IncompatibleError, UsageError, require_at_least_one
from crowdkit_core.folder_lock import locked
from crowdkit_core.interfaces import (
    Batch,
    Counter,
    Dataset,
    Optimization,
    Stage,
    StagePlan,
    Tracker,
    Trainer,
    TrainingTask,
)
from crowdkit_core.precision import warn_of_emulation
from crowdkit_core.registry.hooks import Hooks, hooks
from crowdkit_core.settings import Recipe, RunSettings
from crowdkit_core.tracking import Tracking, make_trackers
from crowdkit_core.training.beginning import checked_record, describe
from crowdkit_core.training.memory import memory_explained
from crowdkit_core.training.objective import Objective
from crowdkit_core.training.optimization import require_long_enough
from crowdkit_core.training.processes import process_counts
from crowdkit_core.training.result import TrainingResult
from crowdkit_core.training.run_folder import RunFolder, StageFolder
from crowdkit_core.training.seeding import deterministic_algorithms, seed_from
from crowdkit_core.training.stage_loop import StageLoop
from crowdkit_core.training.stage_state import StageState, moving_average
from crowdkit_core.training.workers import worker_count
from crowdkit_core.weights import VALUE_RANGE


def train(
    task: TrainingTask,
    trainer: Trainer,
    run: RunSettings,
    *,
    recipe: Recipe | None = None,
    listeners: Sequence[object] = (),
    trackers: Sequence[Tracker] = (),
) -> TrainingResult:
    """Train, and keep everything in the run folder.

    The same seed gives the same bits on a CPU, however often the run was interrupted and resumed
    and however many loader workers it had. Several processes each handle an equal share of every
    batch. Validation counts every image once, in full precision.

    Args:
        task: What to train, on what.
        trainer: Plans the stages.
        run: Where and on which devices; ``run.resume`` continues the run in the folder.
        recipe: Kept in the folder, for `crowdkit eval` and for people; None records what the parts
            were created from, or says in the folder why that is not known.
        listeners: Told about progress beside the installed ones; see
            `crowdkit_core.registry.hooks.Events`.
        trackers: Told of the run beside those of ``run.trackers``.

    Raises:
        UsageError: Wrong settings, parts that do not fit, or a folder in the wrong state; nothing
            is written then. So is a run that another process is in, and one that is resumed with
            settings other than it began with.
        DivergedError: A loss became NaN or infinite.
        NotEnoughMemoryError: It, or what is to be kept there, does not fit into memory.
        CrowdkitError: A file cannot be written, or one of a resumed run is damaged.
    """
    shown = _cached(_shown_alike(task))
    plans = _checked(trainer.stages(shown), trainer)
    if run.directory is None:
        raise UsageError("run.directory is not set", hint="name a folder for the run's files")
    tracking = Tracking(
        [*make_trackers(run), *trackers],
        validation=task.validation,
        images=run.tracked_images,
        resumed=run.resume,
    )
    fabric = _fabric(run)
    names = [plan.name for plan in plans]
    if fabric.is_global_zero:
        RunFolder(Path(run.directory), names).claim(resume=run.resume)
        if run.precision.startswith("bf16"):
            warn_of_emulation(fabric.device, "run.precision=32-true")
    fabric.launch()
    # A folder named by the date may be another in each process.
    folder = RunFolder(Path(fabric.broadcast(str(run.directory))), names)
    record = checked_record(folder, plans, task, run, recipe) if fabric.is_global_zero else None
    with nullcontext() if record is None else locked(folder.path):
        if record is not None:
            folder.claim(resume=run.resume)  # again: another run may have come in between
            describe(folder, record, task, trainer, run, recipe)
        fabric.barrier()
        session = _Session(
            fabric=fabric,
            task=shown,
            trainer=trainer,
            run=run,
            folder=folder,
            hooks=hooks(tracking, *listeners),
        )
        with deterministic_algorithms(run.deterministic):
            return session.train(plans)


def _shown_alike(task: TrainingTask) -> TrainingTask:
    """The task with validation images whose values are shown as those of the training images."""
    known = task.train.value_range
    if known is None or task.validation is None:
        return task
    return replace(task, validation=task.validation.with_value_range(known))


def _cached(task: TrainingTask) -> TrainingTask:
    """The task with images that stay in memory where its data sets say so."""
    validation = None if task.validation is None else as_cached(task.validation)
    return replace(task, train=as_cached(task.train), validation=validation)


def _checked(plans: Sequence[StagePlan], trainer: Trainer) -> Sequence[StagePlan]:
    names = [plan.name for plan in plans]
    if not plans or len(set(names)) < len(names):
        raise UsageError(f"{trainer.label} lists stages {names}, expected distinct names")
    for plan in plans:
        of_stage = f"of stage {plan.name!r}"
        require_at_least_one(
            {f"epochs {of_stage}": plan.epochs, f"batch_size {of_stage}": plan.batch_size}
        )
    return plans


def _fabric(run: RunSettings) -> Fabric:
    devices, num_nodes = process_counts(run)
    try:
        return Fabric(
            accelerator=run.accelerator,
            devices=devices,
            num_nodes=num_nodes,
            strategy=run.strategy,
            precision=run.precision,
        )
    except (ValueError, RuntimeError) as error:
        raise UsageError(f"run: {error}") from error


@dataclass(frozen=True, kw_only=True)
class _Session:
    """What the stages of a run share."""

    fabric: Fabric
    task: TrainingTask
    trainer: Trainer
    run: RunSettings
    folder: RunFolder
    hooks: Hooks

    def train(self, plans: Sequence[StagePlan]) -> TrainingResult:
        """Run the stages that are not done yet, in order."""
        completed = False
        if self.fabric.is_global_zero:
            stages = {plan.name: plan.epochs for plan in plans}
            self.hooks.training_started(
                self.folder.path,
                stages,
                {name: len(images) for name, images in self._splits().items()},
                self._in_memory(),
            )
        try:
            result = self._stages(plans)
            completed = True
        finally:
            if self.fabric.is_global_zero:
                self.hooks.training_ended(self.folder.path, completed)
        return result

    def _facts(self) -> dict[str, Any]:
        known = self.task.train.value_range
        return {} if known is None else {VALUE_RANGE: [known.low, known.high]}

    def _splits(self) -> dict[str, Dataset]:
        splits = {"train": self.task.train, "validation": self.task.validation}
        return {name: images for name, images in splits.items() if images is not None}

    def _in_memory(self) -> dict[str, int]:
        """Bytes of the images that stay in memory."""
        splits = self._splits().items()
        return {name: images.bytes for name, images in splits if isinstance(images, InMemory)}

    def _stages(self, plans: Sequence[StagePlan]) -> TrainingResult:
        first = self.folder.resume_at() if self.run.resume else 0
        files = dict(zip([plan.name for plan in plans], self.folder.stages, strict=True))
        history: list[dict[str, Any]] = []
        errors: dict[str, float] = {}
        for plan in plans[:first]:
            stored = files[plan.name].load_state()
            history += stored["history"]
            errors[plan.name] = stored["best_mae"]
        for index, plan in enumerate(plans[first:], start=first):
            finished = {earlier.name: files[earlier.name].weights for earlier in plans[:index]}
            with memory_explained(plan, files[plan.name]):
                state = self._run_stage(index, plan, finished, files[plan.name])
            history += state.history
            errors[plan.name] = state.best_mae
        if self.fabric.is_global_zero:
            self.folder.publish(self.trainer.chosen(errors))
        self.fabric.barrier()
        return self._result(state.stage.counter, history)

    def _run_stage(
        self, index: int, plan: StagePlan, finished: Mapping[str, Path], files: StageFolder
    ) -> StageState:
        seed_from(self.run.seed, index)
        stage = plan.build(finished)
        for network in (stage.counter, *stage.companions().values()):
            files.require_savable(network)
        dataset = stage.dataset or self.task.train
        stage.counter.fit(dataset)
        stage.density_generator.fit(dataset)
        stage.loss.fit(dataset, stage.density_generator)
        loader = self._loader(plan, stage, dataset)
        updates = -(-len(loader) // self.trainer.loop.accumulate)
        state, objective, optimizers = self._set_up(stage, plan.epochs, updates)
        if self.run.resume and files.state.exists():
            stored = files.load_state()
            state.load_state_dict(stored)
            self.fabric.strategy.precision.load_state_dict(stored["scaler"])
        for each in state.optimizations.values():
            require_long_enough(each, each.steps(plan.epochs, updates=updates))
        StageLoop(
            fabric=self.fabric,
            index=index,
            plan=plan,
            state=state,
            objective=objective,
            optimizers=optimizers,
            loop=self.trainer.loop,
            run=self.run,
            loader=loader,
            validation=self.task.validation,
            folder=files,
            hooks=self.hooks,
            facts=self._facts(),
        ).finish()
        return state

    def _set_up(
        self, stage: Stage, epochs: int, updates: int
    ) -> tuple[StageState, Any, dict[str, Any]]:
        objective = self.fabric.to_device(Objective(stage))
        if self.run.channels_last:
            objective.to(memory_format=torch.channels_last)
        optimizations = {
            name: each.lasting(epochs, updates=updates)
            for name, each in stage.optimizations().items()
        }
        self._require_validation(optimizations)
        wrapped, *optimizers = self.fabric.setup(
            objective, *(each.optimizer for each in optimizations.values())
        )
        # Averaged after the set-up, which decides the parameters' precision.
        averaged = moving_average(stage.counter, self.trainer.loop.ema)
        state = StageState(stage=stage, optimizations=optimizations, averaged=averaged)
        return state, wrapped, dict(zip(optimizations, optimizers, strict=True))

    def _loader(self, plan: StagePlan, stage: Stage, dataset: Dataset) -> DataLoader[Batch]:
        return training_loader(
            dataset,
            batch_size=plan.batch_size,
            transform=plan.transform,
            lengths=measure_lengths(dataset, stage.density_generator, stage.loss),
            seed=self.run.seed,
            rank=self.fabric.global_rank,
            world_size=self.fabric.world_size,
            workers=worker_count(
                self.run, self.fabric.device, processes=process_counts(self.run)[0]
            ),
        )

    def _require_validation(self, optimizations: Mapping[str, Optimization]) -> None:
        if self.task.validation is not None:
            return
        if any(isinstance(each.schedule, ReduceLROnPlateau) for each in optimizations.values()):
            raise IncompatibleError("schedule ReduceLROnPlateau needs validation images")
        if self.trainer.loop.patience is not None:
            raise IncompatibleError("patience (early stopping) needs validation images")

    def _result(self, counter: Counter, history: Sequence[Mapping[str, Any]]) -> TrainingResult:
        files = StageFolder(self.folder.path)
        result = TrainingResult(
            directory=self.folder.path,
            counter=counter,
            best_weights=files.best if files.best.exists() else None,
            last_weights=files.last,
            history=history,
        )
        counter.float().load_weights(result.weights)
        return result
