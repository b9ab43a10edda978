"""A run interrupted and resumed gives the bits of one that was not."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from crowdkit_core.data import Augmentation
from crowdkit_core.errors import UsageError, WeightsError
from crowdkit_core.interfaces import LoopSettings
from crowdkit_core.settings import RunSettings
from crowdkit_core.training import OptimizationSettings, Supervised, train

AUGMENTATION = Augmentation(crop_size=(8, 12), scale=(0.8, 1.2), brightness=(0.8, 1.2))


def assert_equal(one, other, where: str = "") -> None:
    """Equal to the last bit, through nested containers."""
    assert type(one) is type(other), where
    if isinstance(one, Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_equal(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_equal(*pair, f"{where}[{index}]")
    else:
        assert one == other, where


def state_of(folder: Path) -> dict:
    state = torch.load(folder / "state.pt", weights_only=True)
    for record in state["history"]:
        del record["seconds"]
    return state


def supervised(epochs: int, **optimization) -> Supervised:
    return Supervised(
        epochs=epochs,
        batch_size=2,
        augmentation=AUGMENTATION,
        optimization=OptimizationSettings(learning_rate=1e-2, **optimization),
        loop=LoopSettings(ema=0.9, clip_norm=1.0, accumulate=2, patience=10, validate_every=2),
    )


SCHEDULES = {
    "step": {"schedule": "StepLR", "schedule_options": {"step_size": 1, "gamma": 0.5}},
    "milestones": {"schedule": "MultiStepLR", "schedule_options": {"milestones": [1, 3]}},
    "plateau": {"schedule": "ReduceLROnPlateau", "schedule_options": {"patience": 0}},
    "cycle": {
        "schedule": "OneCycleLR",
        "schedule_options": {"max_lr": 0.1, "total_steps": 16},
        "schedule_interval": "step",
    },
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_two_and_two_epochs_equal_four(toys, tmp_path, schedule) -> None:
    options = SCHEDULES[schedule]
    train(toys.task(), supervised(4, **options), RunSettings(directory=tmp_path / "whole"))
    parts = RunSettings(directory=tmp_path / "parts")
    train(toys.task(), supervised(2, **options), parts)
    again = RunSettings(directory=tmp_path / "parts", resume=True)
    # another initialisation, which the stored one must replace
    train(toys.task(toys.seeded(toys.Conv, 9)), supervised(4, **options), again)
    assert_equal(state_of(tmp_path / "whole"), state_of(tmp_path / "parts"))
    for name in ("last.safetensors", "best.safetensors"):
        assert_equal(load_file(tmp_path / "whole" / name), load_file(tmp_path / "parts" / name))


def test_resume_in_the_middle_of_the_second_stage(toys, tmp_path) -> None:
    whole = toys.Distillation(epochs=2, student_epochs=3)
    train(toys.task(), whole, RunSettings(directory=tmp_path / "whole"))
    train(
        toys.task(),
        toys.Distillation(epochs=2, student_epochs=1),
        RunSettings(directory=tmp_path / "parts"),
    )
    rest = toys.Distillation(epochs=2, student_epochs=3)
    result = train(toys.task(), rest, RunSettings(directory=tmp_path / "parts", resume=True))
    assert rest.asked == [{"teacher": tmp_path / "parts/teacher/best.safetensors"}]
    for stage in ("teacher", "student"):
        assert_equal(state_of(tmp_path / "whole" / stage), state_of(tmp_path / "parts" / stage))
    assert [(r["stage"], r["epoch"]) for r in result.history] == [
        ("teacher", 1),
        ("teacher", 2),
        ("student", 1),
        ("student", 2),
        ("student", 3),
    ]


def test_resume_of_a_finished_run_changes_nothing(toys, tmp_path) -> None:
    first = train(toys.task(), supervised(2), RunSettings(directory=tmp_path))
    files = {path: path.read_bytes() for path in tmp_path.glob("*.safetensors")}
    again = train(toys.task(), supervised(2), RunSettings(directory=tmp_path, resume=True))
    assert {path: path.read_bytes() for path in tmp_path.glob("*.safetensors")} == files
    assert again.history == first.history
    assert_equal(dict(again.counter.state_dict()), dict(first.counter.state_dict()))


def test_early_stopping_stays_stopped(toys, tmp_path) -> None:
    trainer = Supervised(
        epochs=9,
        batch_size=2,
        optimization=OptimizationSettings(optimizer="SGD", learning_rate=1e-12),
        loop=LoopSettings(patience=2),
    )
    counter = toys.seeded(toys.Linear)
    result = train(toys.task(counter), trainer, RunSettings(directory=tmp_path))
    assert len(result.history) == 3
    resumed = train(toys.task(counter), trainer, RunSettings(directory=tmp_path, resume=True))
    assert len(resumed.history) == 3


def test_other_data_are_refused(toys, tmp_path) -> None:
    train(toys.task(), supervised(1), RunSettings(directory=tmp_path))
    other = toys.task(train=9)
    with pytest.raises(UsageError, match="the train images are not those"):
        train(other, supervised(2), RunSettings(directory=tmp_path, resume=True))


def test_other_architecture_is_refused(toys, tmp_path) -> None:
    train(toys.task(), supervised(1), RunSettings(directory=tmp_path))
    other = toys.task(toys.Conv(channels=5))
    with pytest.raises(UsageError, match="does not fit"):
        train(other, supervised(2), RunSettings(directory=tmp_path, resume=True))


def test_nothing_to_resume(toys, tmp_path) -> None:
    with pytest.raises(UsageError, match="no run to resume"):
        train(toys.task(), supervised(1), RunSettings(directory=tmp_path / "none", resume=True))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("damage", ["cut", "code"])
def test_damaged_or_unsafe_state_is_refused(toys, tmp_path, damage) -> None:
    train(toys.task(), supervised(1), RunSettings(directory=tmp_path))
    state = tmp_path / "state.pt"
    if damage == "cut":
        state.write_bytes(state.read_bytes()[:1000])
    else:
        torch.save({"run": Path}, state)
    with pytest.raises(WeightsError, match=r"state\.pt: cannot be read"):
        train(toys.task(), supervised(2), RunSettings(directory=tmp_path, resume=True))
