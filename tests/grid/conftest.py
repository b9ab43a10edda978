"""A grid of tiny runs: toy parts registered in this process, written as a user writes it."""

import math
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import replace

import pytest

from crowdkit_core import register
from crowdkit_core.interfaces import LossTerms, Prediction
from crowdkit_core.losses import MSE
from crowdkit_core.testing.toys import ToyCounter, ToyDataset
from crowdkit_core.training import Supervised

GRID = """
counter = "toy"

[dataset]
name = "toys"
length = 4

[trainer]
epochs = 2
batch_size = 2

[grid]
replicate = { "run.seed" = [0, 1, 2] }

[[grid.axes]]
name = "loss"
[grid.axes.values.MSE]
loss = "mse"
[grid.axes.values.Slow]
loss = { name = "trouble", factor = 2.0 }
trainer.optimization.learning_rate = 1e-4
"""


class Scaled(ToyCounter):
    """A counter with an option that its weights know nothing of, and a second count.

    Args:
        scale: Multiplies its count.
    """

    def __init__(self, *, width: int = 4, scale: float = 1.0) -> None:
        super().__init__(width=width)
        self.scale = scale

    def predict(self, images):
        once = self(images)
        scaled = Prediction.from_density(self.scale * once.density, once.stride)
        return replace(scaled, counts={"unscaled": once.count})


class Trouble(MSE):
    """A squared error that can be told to stop the process, or to diverge.

    Args:
        factor: Multiplies it.
    """

    calls = 0
    interrupt_at = math.inf
    diverges = False

    def __init__(self, *, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, prediction, target) -> LossTerms:
        Trouble.calls += 1
        if Trouble.calls == Trouble.interrupt_at:
            raise KeyboardInterrupt
        factor = math.nan if Trouble.diverges else self.factor
        return LossTerms.of(loss=factor * super().forward(prediction, target).total)


class TwoStages(Supervised):
    """Trains a copy of the counter first, then the counter itself."""

    def stages(self, task):
        copied = replace(task, counter=deepcopy(task.counter))
        (longer,), (plan,) = super().stages(copied), super().stages(task)
        return [
            replace(longer, name="first", epochs=plan.epochs + 1),
            replace(plan, name="second"),
        ]


class Folds(ToyDataset):
    """Toy images of which a fold is tested on.

    Args:
        fold: Which.
        split: Which images.
    """

    def __init__(self, *, fold: int = 0, split: str = "train") -> None:
        super().__init__(length=6, split=split)
        tested = range(2 * fold, 2 * fold + 2)
        wanted = {"test": tested, "all": range(6)}
        self.indices = wanted.get(split, [i for i in range(6) if i not in tested])

    def __len__(self) -> int:
        return len(self.indices)

    def annotation(self, index):
        return super().annotation(self.indices[index])

    def __getitem__(self, index):
        chosen = self.indices[index]
        return ToyDataset(length=6)[chosen]


@pytest.fixture(autouse=True)
def trouble(monkeypatch):
    """The toy parts by name; gives the loss that can make trouble."""
    for name in ("calls", "interrupt_at", "diverges"):
        monkeypatch.setattr(Trouble, name, getattr(Trouble, name))
    parts = [
        ("counter", "toy", ToyCounter),
        ("counter", "scaled", Scaled),
        ("dataset", "toys", ToyDataset),
        ("dataset", "folds", Folds),
        ("loss", "trouble", Trouble),
        ("trainer", "two-stages", TwoStages),
    ]
    with ExitStack() as stack:
        for part in parts:
            stack.enter_context(register(*part))
        yield Trouble


@pytest.fixture
def grid_file(tmp_path):
    """Write a grid file, changed here and there."""

    def write(text: str = GRID, **replaced: str):
        for old, new in replaced.values():
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "losses.toml"
        file.write_text(text)
        return file

    return write
