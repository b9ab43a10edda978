"""Every recipe is a grid whose runs are complete: their parts exist and fit."""

from functools import cache

import pytest

import crowdkit_core
from crowdkit_core.grid import GridRun, load_grid
from crowdkit_core.interfaces import Counter, TrainingTask
from crowdkit_core.settings import list_grids

RECIPES = [each.name for each in list_grids() if each.distribution == "crowdkit-adaptive-density"]


@cache
def runs_of(name: str) -> dict[tuple[str, ...], GridRun]:
    grid = load_grid(f"adaptive-density/{name}", overrides=["dataset.root=nowhere"])
    return {(*run.labels, run.replicate): run for run in grid.runs}


@cache
def counter_named(name: str) -> Counter:
    """With random weights."""
    return crowdkit_core.create("counter", name)


def has_parts_that_fit(run: GridRun) -> bool:
    task = TrainingTask(
        counter=counter_named(run.recipe.counter.name),
        loss=run.recipe.create("loss"),
        density_generator=run.recipe.create("density_generator"),
        train=crowdkit_core.create("dataset", "synthetic", images=1),
    )
    return bool(run.recipe.create("trainer").stages(task))


def test_the_grids_of_the_paper_are_there() -> None:
    grids = {"shanghaitech-a", "shanghaitech-b", "shanghaitech-a-small", "ucf-qnrf"}
    grids |= {"ablations-shanghaitech-a", "targets-shanghaitech-a"}
    assert {f"adaptive-density/{name}" for name in grids} == set(RECIPES)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("shanghaitech-a", 24),
        ("shanghaitech-b", 24),
        ("ucf-qnrf", 4),
        ("ablations-shanghaitech-a", 9),
        ("shanghaitech-a-small", 30),
    ],
)
def test_the_runs_of_a_grid(name: str, number: int) -> None:
    runs = runs_of(name)
    assert len(runs) == number
    for run in runs.values():
        learned = run.recipe.density_generator.name.startswith("adaptive-")
        naive = run.recipe.density_generator.options.get("fusion") == "sum"
        assert run.recipe.trainer.name == ("joint" if learned and not naive else "supervised")


@pytest.mark.parametrize("name", ["ablations-shanghaitech-a", "shanghaitech-a-small"])
def test_runs_fit_together(name: str) -> None:
    runs = runs_of(name)
    assert all(has_parts_that_fit(run) for run in runs.values() if run.replicate == "0")


@pytest.mark.parametrize(
    ("counter", "optimizer", "rate"),
    [
        ("MCNN", "Adam", 1e-5),
        ("FCN", "Adam", 1e-5),
        ("SFCN", "Adam", 1e-5),
        ("CSRNet", "SGD", 5e-7),
    ],
)
@pytest.mark.parametrize("target", ["fixed 16", "refined adaptive", "generator"])
def test_every_counter_keeps_its_optimizer_with_every_target(
    counter: str, optimizer: str, rate: float, target: str
) -> None:
    trainer = runs_of("shanghaitech-a")[target, counter, "0"].recipe.create("trainer")
    assert trainer.optimization.optimizer == optimizer
    assert trainer.optimization.learning_rate == rate
    assert trainer.optimization.options.get("momentum", 0.95) == 0.95
    if target != "fixed 16":
        assert trainer.generator_optimization.optimizer == "Adam"
        wanted = 1e-7 if target == "generator" else 1e-5
        assert trainer.generator_optimization.learning_rate == wanted


def test_targets_differ_in_nothing_but_the_target() -> None:
    for run in runs_of("shanghaitech-a-small").values():
        trainer = run.recipe.create("trainer")
        assert trainer.augmentation.crop_size == (128, 128)
        assert trainer.optimization.schedule == "CosineAnnealingLR"  # as long as the training
        assert trainer.optimization.schedule_options == {}
        assert (trainer.batch_size, trainer.optimization.learning_rate) == (4, 1e-3)
