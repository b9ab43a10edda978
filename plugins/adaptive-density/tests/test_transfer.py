"""A generator that was learned with one counter trains another, frozen (table 6)."""

from pathlib import Path

import pytest
import torch

from crowdkit_core import create
from crowdkit_core.interfaces import TrainingTask
from crowdkit_core.settings import RunSettings
from crowdkit_core.testing.toys import ToyCounter, ToyDataset
from crowdkit_core.training import train
from crowdkit_core.weights import read_weights


def task_with(name: str, **options: object) -> TrainingTask:
    torch.manual_seed(0)
    return TrainingTask(
        counter=ToyCounter(),
        loss=create("loss", "mse"),
        density_generator=create("density_generator", name, **options),
        train=ToyDataset(),
        validation=ToyDataset(split="validation"),
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("adaptive-generator", {"sigmas": (1.0, 3.0)}),
        ("adaptive-refiner", {"base": {"name": "fixed", "sigma": 3.0}}),
    ],
)
def test_a_learned_generator_trains_another_counter(
    name: str, options: dict[str, object], tmp_path: Path
) -> None:
    joint = create("trainer", "joint", epochs=1, generator_optimization={"learning_rate": 1e-3})
    train(task_with(name, **options), joint, RunSettings(directory=tmp_path / "joint"))
    (path,) = (tmp_path / "joint").rglob("last-density-generator.safetensors")
    assert read_weights(path).component == name

    transferred = task_with(name, weights=path)
    learned = read_weights(path).state
    fresh = create("density_generator", name, **options).state_dict()
    assert any(not torch.equal(learned[key], fresh[key]) for key in learned)
    before = {key: value.clone() for key, value in transferred.counter.state_dict().items()}
    supervised = create("trainer", "supervised", epochs=1)
    train(transferred, supervised, RunSettings(directory=tmp_path / "supervised"))

    frozen = transferred.density_generator.state_dict()
    assert all(torch.equal(frozen[key], learned[key]) for key in learned)
    after = transferred.counter.state_dict()
    assert any(not torch.equal(after[key], before[key]) for key in after)
