"""What the engine costs over a training loop written by hand, on the same batches.

OMP_NUM_THREADS=2 python -m pytest benchmarks/test_training.py -s
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time

import pytest
import torch
from torch import Tensor, nn

from crowdkit_core.data import Augmentation, training_loader
from crowdkit_core.interfaces import (
    Annotation,
    Counter,
    Dataset,
    DensityGenerator,
    MapSpec,
    Points,
    Prediction,
    Sample,
    Target,
    TrainingTask,
)
from crowdkit_core.losses import MSE
from crowdkit_core.registry.hooks import hookimpl
from crowdkit_core.settings import RunSettings
from crowdkit_core.training import OptimizationSettings, Supervised, train

FULL, SMALL = (384, 512), (32, 32)
ROUNDS = 3
AS_IT_IS = Augmentation(flip=0.0)


class Columns(Counter):
    """Three columns of different kernel sizes, as MCNN has, at stride 4."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = {"density": MapSpec("density", 4)}
        self.columns = nn.ModuleList(
            _column(*each) for each in ((9, 7, 16), (7, 5, 20), (5, 3, 24))
        )
        self.fuse = nn.Conv2d(30, 1, 1)

    def forward(self, images: Tensor) -> Prediction:
        maps = torch.cat([column(images) for column in self.columns], dim=1)
        return Prediction.from_density(self.fuse(maps), 4)


def _column(first: int, rest: int, width: int) -> nn.Sequential:
    def layer(before: int, after: int, kernel: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.ReLU()]

    return nn.Sequential(
        *layer(3, width, first),
        nn.MaxPool2d(2),
        *layer(width, 2 * width, rest),
        nn.MaxPool2d(2),
        *layer(2 * width, width, rest),
        *layer(width, width // 2, rest),
    )


class Noise(Dataset):
    """Images in memory."""

    def __init__(self, size: tuple[int, int], length: int) -> None:
        self.split = "train"
        generator = torch.Generator().manual_seed(0)
        frame = torch.tensor([float(size[1]), float(size[0])])
        self.items = [
            Sample(
                name=str(index),
                image=torch.randint(256, (3, *size), dtype=torch.uint8, generator=generator),
                points=Points(torch.rand(100, 2, generator=generator) * frame, canvas_size=size),
            )
            for index in range(length)
        ]

    def __len__(self) -> int:
        return len(self.items)

    def annotation(self, index: int) -> Annotation:
        sample = self.items[index]
        return Annotation(name=sample.name, size=sample.size, points=sample.points)

    def __getitem__(self, index: int) -> Sample:
        return self.items[index]


class Cells(DensityGenerator):
    """A person is one cell: targets cost next to nothing, so the loops are what is compared."""

    def forward(self, points, size, *, stride=1, **_) -> Tensor:
        maps = torch.zeros(len(points), 1, size[0] // stride, size[1] // stride)
        for image, each in enumerate(points):
            column, row = (each // stride).long().unbind(1)
            maps[image, 0].index_put_((row, column), torch.ones(len(each)), accumulate=True)
        return maps


class StepTimes:
    """CPU seconds between the ends of two steps; wall clocks disagree on a busy machine."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._last = 0.0

    @hookimpl
    def step_ended(self, step: int) -> None:
        now = process_time()
        if step > 1:
            self.seconds.append(now - self._last)
        self._last = now


def by_hand(data: Dataset) -> list[float]:
    """CPU seconds of each step of the shortest loop that trains the same."""
    counter, generator, times = Columns(), Cells(), StepTimes()
    loader = training_loader(data, batch_size=1, transform=AS_IT_IS)
    optimizer = torch.optim.Adam(counter.parameters(), lr=1e-4)
    for step, batch in enumerate(loader, start=1):
        target = Target.from_batch(batch, generator).density(4)
        loss = (counter(batch.images).density - target).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.step_ended(step)
    return times.seconds


def by_engine(data: Dataset, folder: Path) -> list[float]:
    """CPU seconds of each step of the engine."""
    times = StepTimes()
    trainer = Supervised(
        epochs=1,
        batch_size=1,
        augmentation=AS_IT_IS,
        optimization=OptimizationSettings(learning_rate=1e-4),
    )
    task = TrainingTask(counter=Columns(), loss=MSE(), density_generator=Cells(), train=data)
    train(task, trainer, RunSettings(directory=folder, accelerator="cpu"), listeners=[times])
    return times.seconds


def medians(size: tuple[int, int], length: int, folder: Path) -> tuple[float, float]:
    """Median step by hand and by the engine, in turns so that both see the machine's moods."""
    bare: list[float] = []
    engine: list[float] = []
    data = Noise(size, length)
    for index in range(ROUNDS):
        bare += by_hand(data)
        engine += by_engine(data, folder / str(index))
    return median(bare), median(engine)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """CPU seconds of threads that wait for each other say little."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_engine_against_a_loop_by_hand(tmp_path: Path) -> None:
    """The engine's own work is the same at any size, and is seen well where steps are short."""
    bare, engine = medians(FULL, 4, tmp_path / "full")
    short_bare, short_engine = medians(SMALL, 200, tmp_path / "small")
    overhead = short_engine - short_bare
    print(
        f"\nstep of 384x512: by hand {bare * 1e3:.0f} ms, engine {engine * 1e3:.0f} ms, "
        f"ratio {engine / bare:.3f} (as noisy as the machine)"
        f"\nstep of 32x32: by hand {short_bare * 1e3:.2f} ms, engine {short_engine * 1e3:.2f} ms"
        f"\noverhead {overhead * 1e3:.2f} ms a step: ratio {1 + overhead / bare:.4f} at 384x512"
    )
    assert overhead / bare < 0.03
