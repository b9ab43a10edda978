"""Check trainers against their contract."""

import copy
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from crowdkit_core.data import collate
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import Counter, Stage, StagePlan, Trainer, TrainingTask
from crowdkit_core.losses import MSE
from crowdkit_core.testing import signatures  # noqa: F401  # registers the common checks first
from crowdkit_core.testing.runner import check_for, run_checks
from crowdkit_core.testing.toys import ToyCounter, ToyDataset, ToyGenerator
from crowdkit_core.weights import save_weights

KIND = Trainer.kind

_tasks: dict[int, TrainingTask] = {}


def check_trainer(
    trainer: Trainer,
    *,
    task: TrainingTask | None = None,
    expected_failed_checks: Mapping[str, str] | None = None,
) -> None:
    """Check a trainer against its contract.

    Args:
        trainer: The instance to check.
        task: What it plans. By default a tiny counter, MSE, and fixed Gaussians or, where the
            trainer refuses those, a tiny generator that learns.
        expected_failed_checks: Check name to the reason why it fails.

    Raises:
        ConformanceError: Lists every promise it breaks.
    """
    if task is not None:
        _tasks[id(trainer)] = task
    try:
        run_checks(trainer, expected_failed_checks)
    finally:
        _tasks.pop(id(trainer), None)


def _task(trainer: Trainer) -> TrainingTask:
    torch.manual_seed(0)
    given = _tasks.get(id(trainer))
    if given is not None:
        return copy.deepcopy(given)
    task = TrainingTask(
        counter=ToyCounter(),
        loss=MSE(),
        density_generator=Fixed(sigma=4.0),
        train=ToyDataset(),
        validation=ToyDataset(split="validation"),
    )
    try:
        trainer.stages(task)
    except IncompatibleError:
        return replace(task, density_generator=ToyGenerator())
    return task


def _built(trainer: Trainer) -> Iterator[tuple[StagePlan, Stage]]:
    """Every stage, built with the (untrained) weights of those before it."""
    finished: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as folder:
        for plan in trainer.stages(_task(trainer)):
            stage = plan.build(dict(finished))
            finished[plan.name] = Path(folder) / f"{plan.name}.safetensors"
            save_weights(finished[plan.name], stage.counter)
            yield plan, stage


@check_for(KIND)
def stages_are_named_once(trainer: Trainer) -> None:
    """At least one stage; unique names; positive epochs and batch sizes."""
    plans = trainer.stages(_task(trainer))
    assert plans, "no stage"
    names = [plan.name for plan in plans]
    assert len(set(names)) == len(names), f"names given twice: {names}"
    for plan in plans:
        assert plan.epochs > 0, f"stage {plan.name}: {plan.epochs} epochs"
        assert plan.batch_size > 0, f"stage {plan.name}: batch size {plan.batch_size}"


@check_for(KIND)
def the_result_is_one_of_the_stages(trainer: Trainer) -> None:
    """Whatever the stages' errors, unvalidated stages included, one of them is chosen."""
    names = [plan.name for plan in trainer.stages(_task(trainer))]
    rising = {name: float(index) for index, name in enumerate(names)}
    falling = dict(zip(names, reversed(rising.values()), strict=True))
    for errors in (rising, falling, dict.fromkeys(names, math.inf)):
        chosen = trainer.chosen(errors)
        assert chosen in names, f"chose {chosen!r}, the stages are {names}"


@check_for(KIND)
def stages_hold_their_modules(trainer: Trainer) -> None:
    """Counter, generator and loss are attributes; the counter's weights are in the state_dict."""
    for plan, stage in _built(trainer):
        assert isinstance(stage.counter, Counter), f"stage {plan.name}: counter is no Counter"
        inside = {id(parameter) for parameter in stage.parameters()}
        lost = [n for n, p in stage.counter.named_parameters() if id(p) not in inside]
        assert not lost, f"stage {plan.name}: {lost[0]} of the counter is not in the stage"


@check_for(KIND)
def every_trained_parameter_has_one_optimizer(trainer: Trainer) -> None:
    """A parameter that wants gradients is owned by exactly one optimizer of its stage."""
    for plan, stage in _built(trainer):
        owned = [
            id(parameter)
            for optimization in stage.optimizations().values()
            for group in optimization.optimizer.param_groups
            for parameter in group["params"]
        ]
        assert owned, f"stage {plan.name}: no optimizer owns a parameter"
        assert len(set(owned)) == len(owned), f"stage {plan.name}: a parameter has two optimizers"
        without = [
            n for n, p in stage.named_parameters() if p.requires_grad and id(p) not in set(owned)
        ]
        assert not without, f"stage {plan.name}: no optimizer for {', '.join(without[:3])}"


@check_for(KIND)
def objectives_are_finite(trainer: Trainer) -> None:
    """The objective of a batch, zero people included, is finite and reaches the optimizers."""
    batch = collate([ToyDataset()[index] for index in (0, 3)])
    for plan, stage in _built(trainer):
        optimizations = stage.optimizations()
        stage.start_epoch(0)
        total = stage(batch).total
        assert total.isfinite(), f"stage {plan.name}: objective is {total.item()}"
        total.backward()
        for name, optimization in optimizations.items():
            reached = any(
                parameter.grad is not None
                for group in optimization.optimizer.param_groups
                for parameter in group["params"]
            )
            assert reached, f"stage {plan.name}: no gradient for optimizer {name}"
