"""Train parts of different packages together for a few steps, as the engine does."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch.optim import Optimizer

from crowdkit_core.data import collate, measure_lengths
from crowdkit_core.interfaces import (
    Batch,
    Counter,
    Dataset,
    DensityGenerator,
    Loss,
    Optimization,
    Size,
    Stage,
    Trainer,
    TrainingTask,
)
from crowdkit_core.testing.toys import ToyDataset
from crowdkit_core.training import OptimizationSettings, Supervised

GENTLE = Supervised(optimization=OptimizationSettings(learning_rate=1e-5))
"""Steps that do not shut an output layer with a ReLU, after which nothing would be learnt."""


def check_mix(
    counter: Counter,
    density_generator: DensityGenerator,
    loss: Loss,
    *,
    trainer: Trainer | None = None,
    steps: int = 1,
    size: Size = (32, 32),
) -> None:
    """Check that parts train together: a few steps on two random images, one without people.

    Every step has a finite objective and finite gradients and moves what each optimizer owns. After
    several steps the objective is lower than before the first.

    Args:
        counter: Trained in place.
        density_generator: Makes the target maps.
        loss: Minimised.
        trainer: Its first stage is what is trained; `Supervised` with a learning rate of 1e-5 by
            default.
        steps: How many.
        size: (H, W) of the images, raised to what the counter accepts, and to two of its coarsest
            cells each way: a batch norm of fewer values turns with the least change of a weight.

    Raises:
        IncompatibleError: The parts do not fit together.
        AssertionError: They fit, and a step goes wrong; names all three.

    Example:
        >>> from crowdkit_core.density import Fixed
        >>> from crowdkit_core.losses import MSE
        >>> from crowdkit_core.testing.toys import ToyCounter
        >>> check_mix(ToyCounter(), Fixed(sigma=4.0), MSE(), steps=20)
    """
    cells = 2 * counter.size_multiple
    height, width = (max(*pair, cells) for pair in zip(size, counter.min_size, strict=True))
    task = TrainingTask(
        counter=counter,
        loss=loss,
        density_generator=density_generator,
        train=ToyDataset(length=2, size=(height, width)),
    )
    parts = " with ".join(part.label for part in (counter, density_generator, loss))
    stage = _first_stage(trainer or GENTLE, task)
    batch = _batch(task.train, stage)
    optimizations = stage.optimizations()
    stage.train()
    stage.start_epoch(0)
    totals = [_step(stage, batch, optimizations, parts) for _ in range(steps)]
    if steps > 1:
        last = stage(batch).total.item()
        assert last < totals[0], f"{parts}: from {totals[0]:.6g} to {last:.6g} in {steps} steps"


def _first_stage(trainer: Trainer, task: TrainingTask) -> Stage:
    """Planned, built and fitted to the training images."""
    stage = trainer.stages(task)[0].build({})
    stage.counter.fit(task.train)
    stage.density_generator.fit(task.train)
    stage.loss.fit(task.train, stage.density_generator)
    return stage


def _batch(dataset: Dataset, stage: Stage) -> Batch:
    """The whole dataset, with what generator and loss measure on it."""
    lengths = measure_lengths(dataset, stage.density_generator, stage.loss)
    samples = [replace(dataset[i], lengths=each) for i, each in enumerate(lengths)]
    return collate(samples)


def _step(
    stage: Stage, batch: Batch, optimizations: Mapping[str, Optimization], parts: str
) -> float:
    """One step of every optimizer; the objective before it."""
    stage.zero_grad()
    total = stage(batch).total
    assert total.isfinite(), f"{parts}: the objective is {total.item()}"
    total.backward()
    for name, parameter in stage.named_parameters():
        finite = parameter.grad is None or parameter.grad.isfinite().all()
        assert finite, f"{parts}: the gradient of {name} is not finite"
    for name, each in optimizations.items():
        assert _moves(each.optimizer), f"{parts}: a step of optimizer {name} moves nothing"
    value: float = total.item()
    return value


def _moves(optimizer: Optimizer) -> bool:
    """Take a step; whether the first parameter with a slope changed, and there is one."""
    owned = (each for group in optimizer.param_groups for each in group["params"])
    steep = next((each for each in owned if each.grad is not None and each.grad.any()), None)
    if steep is None:
        return False
    before = steep.detach().clone()
    optimizer.step()
    return not torch.equal(before, steep)
