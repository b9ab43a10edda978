"""What a whole epoch of training costs over a loop with the best loader one writes by hand.

OMP_NUM_THREADS=1 CROWDKIT_DATA_ROOT=DIR python -m pytest benchmarks/test_epoch.py -m "" -s

Both train the same network on the same photographs of ShanghaiTech A, from their files: decoding,
cropping, scaling, colours, targets, steps, validation on whole images, and files at the end of each
epoch. The loop by hand has torch's `DataLoader`, torchvision's decoder, density maps that were made
before the clock starts, and nothing to configure, log, resume or check.
"""

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import median
from time import process_time

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision.io import decode_jpeg, read_file
from torchvision.transforms.v2 import functional as T

from crowdkit_core import create
from crowdkit_core.data import Augmentation, ShanghaiTech
from crowdkit_core.interfaces import Counter, Dataset, DensityGenerator, Loss, Target, TrainingTask
from crowdkit_core.registry.hooks import hookimpl
from crowdkit_core.settings import RunSettings
from crowdkit_core.training import OptimizationSettings, Supervised, train

ROOT = os.environ.get("CROWDKIT_DATA_ROOT")
STRIDE = 8
ROUNDS, EPOCHS, VALIDATED = 2, 3, 1


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is trained, as its recipe says but for the size of crops and the number of images."""

    counter: str
    loss: str
    generator: str
    images: int
    batch_size: int
    crop: int
    optimizer: str
    learning_rate: float
    options: dict[str, float]
    scale: tuple[float, float] = (1.0, 1.0)
    colours: tuple[tuple[float, float], ...] = ()


CSRNET = Setting(
    counter="csrnet",
    loss="mse",
    generator="geometry-adaptive",
    images=8,
    batch_size=1,
    crop=128,
    optimizer="SGD",
    learning_rate=1e-7,
    options={"momentum": 0.95, "weight_decay": 5e-4},
)
ZIP = Setting(
    counter="zip",
    loss="zip",
    generator="fixed",
    images=16,
    batch_size=8,
    crop=224,
    optimizer="Adam",
    learning_rate=1e-4,
    options={"weight_decay": 1e-4},
    scale=(0.5, 1.333),
    colours=((0.85, 1.15), (0.85, 1.15), (0.9, 1.1)),
)


class Some(Dataset):
    """Some images of a data set."""

    def __init__(self, images: ShanghaiTech, indices: list[int]) -> None:
        self.images, self.indices, self.split = images, indices, images.split

    def __len__(self) -> int:
        return len(self.indices)

    def annotation(self, index: int):
        return self.images.annotation(self.indices[index])

    def __getitem__(self, index: int):
        return self.images[self.indices[index]]

    @property
    def files(self) -> list[Path]:
        return [self.images.entries[index].image for index in self.indices]


class Photographs(TorchDataset):
    """Crops as everybody writes them: files, points and whole density maps known beforehand."""

    def __init__(
        self, files: list[Path], points: list[Tensor], maps: list[Tensor] | None, setting: Setting
    ) -> None:
        self.files, self.points, self.maps, self.setting = files, points, maps, setting

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = decode_jpeg(read_file(str(self.files[index])), mode="RGB")
        setting = self.setting
        scale = float(torch.empty(()).uniform_(*setting.scale))
        side = round(setting.crop / scale)
        height, width = min(side, image.shape[1]), min(side, image.shape[2])
        top = int(torch.randint(image.shape[1] - height + 1, ())) // STRIDE * STRIDE
        left = int(torch.randint(image.shape[2] - width + 1, ())) // STRIDE * STRIDE
        image = image[:, top : top + height, left : left + width]
        points = self.points[index] - torch.tensor([left, top])
        points = points[((points >= 0) & (points < torch.tensor([width, height]))).all(1)] * scale
        if scale != 1:
            size = [min(setting.crop, round(each * scale)) for each in (height, width)]
            image = T.resize(image, size, antialias=True)
        truth = points
        if self.maps is not None:
            cells = setting.crop // STRIDE
            rows, columns = top // STRIDE, left // STRIDE
            truth = self.maps[index][:, rows : rows + cells, columns : columns + cells]
        if torch.rand(()) < 0.5:
            image = image.flip(2)
            mirrored = points * torch.tensor([-1, 1]) + torch.tensor([image.shape[2], 0])
            truth = mirrored if self.maps is None else truth.flip(2)
        changes = (T.adjust_brightness, T.adjust_contrast, T.adjust_saturation)
        for change, bounds in zip(changes, setting.colours, strict=False):
            image = change(image, float(torch.empty(()).uniform_(*bounds)))
        bottom, right = setting.crop - image.shape[1], setting.crop - image.shape[2]
        return F.pad(image, (0, right, 0, bottom)).float() / 255, truth


def stack(items: list) -> tuple[Tensor, list[Tensor]]:
    images, truths = zip(*items, strict=True)
    return torch.stack(images), list(truths)


def whole_maps(images: Dataset, generator: DensityGenerator) -> list[Tensor]:
    """(1, h, w) density maps of whole images."""
    made = []
    for index in range(len(images)):
        each = images.annotation(index)
        lengths = [generator.measure(each.points, each.size)]
        made.append(Target([each.points], each.size, generator, lengths=lengths).density(STRIDE)[0])
    return made


class Clock:
    """CPU seconds of each epoch: wall clocks disagree on a busy machine."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    @hookimpl
    def training_started(self) -> None:
        self._last = process_time()

    @hookimpl
    def epoch_ended(self) -> None:
        now = process_time()
        self.seconds.append(now - self._last)
        self._last = now


def parts(setting: Setting) -> tuple[Counter, Loss, DensityGenerator]:
    torch.manual_seed(0)
    return (
        create("counter", setting.counter),
        create("loss", setting.loss),
        create("density_generator", setting.generator),
    )


def by_hand(setting: Setting, shown: Some, held: Some, folder: Path) -> list[float]:
    """CPU seconds of each epoch of the shortest loop that trains the same."""
    counter, loss, generator = parts(setting)
    points = [shown.annotation(index).points for index in range(len(shown))]
    maps = whole_maps(shown, generator) if setting.loss == "mse" else None
    data = Photographs(shown.files, points, maps, setting)
    loader = DataLoader(data, setting.batch_size, shuffle=True, drop_last=True, collate_fn=stack)
    make = getattr(torch.optim, setting.optimizer)
    optimizer = make(counter.parameters(), lr=setting.learning_rate, **setting.options)
    counts = [len(held.annotation(index).points) for index in range(len(held))]
    clock = Clock()
    clock.training_started()
    for _ in range(EPOCHS):
        counter.train()
        total = 0.0
        for batch, truths in loader:
            prediction = counter(batch)
            if data.maps is not None:
                value = (prediction.density - torch.stack(truths)).square().sum()
            else:
                target = Target(truths, (setting.crop, setting.crop), generator)
                value = loss(prediction, target).total
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item()
        counter.eval()
        with torch.inference_mode():
            for file, people in zip(held.files, counts, strict=True):
                image = decode_jpeg(read_file(str(file)), mode="RGB").contiguous()
                total += abs(counter(image[None].float() / 255).count - people).item()
        torch.save((counter.state_dict(), optimizer.state_dict()), folder / "last.pt")
        torch.save(counter.state_dict(), folder / "best.pt")
        clock.epoch_ended()
    return clock.seconds


def by_engine(setting: Setting, shown: Some, held: Some, folder: Path) -> list[float]:
    """CPU seconds of each epoch of the engine."""
    counter, loss, generator = parts(setting)
    clock = Clock()
    names = ("brightness", "contrast", "saturation")
    trainer = Supervised(
        epochs=EPOCHS,
        batch_size=setting.batch_size,
        augmentation=Augmentation(
            crop_size=(setting.crop, setting.crop),
            scale=setting.scale,
            **dict(zip(names, setting.colours, strict=False)),
        ),
        optimization=OptimizationSettings(
            optimizer=setting.optimizer,
            learning_rate=setting.learning_rate,
            options=setting.options,
        ),
    )
    task = TrainingTask(
        counter=counter,
        loss=loss,
        density_generator=generator,
        train=shown,
        validation=held,
    )
    run = RunSettings(directory=folder, accelerator="cpu", workers=0)
    train(task, trainer, run, listeners=[clock])
    return clock.seconds


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """CPU seconds of threads that wait for each other say little."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torchvision's decoder
        yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("setting", [CSRNET, ZIP], ids=lambda each: each.counter)
def test_an_epoch_against_a_loop_by_hand(setting: Setting, tmp_path: Path) -> None:
    assert ROOT, "set CROWDKIT_DATA_ROOT to the folder that holds ShanghaiTech"
    images = ShanghaiTech(root=Path(ROOT) / "ShanghaiTech", split="train")
    others = ShanghaiTech(root=Path(ROOT) / "ShanghaiTech", split="validation")
    small = sorted(range(len(others)), key=lambda index: prod(others.annotation(index).size))
    shown, held = Some(images, list(range(setting.images))), Some(others, small[:VALIDATED])
    hand: list[float] = []
    engine: list[float] = []
    for index in range(ROUNDS):
        (tmp_path / f"hand-{index}").mkdir()
        hand += by_hand(setting, shown, held, tmp_path / f"hand-{index}")[1:]
        engine += by_engine(setting, shown, held, tmp_path / f"engine-{index}")[1:]
    least = min(engine) / min(hand)
    print(
        f"\n{setting.counter}, epoch of {setting.images} images: by hand {median(hand):.2f} s, "
        f"engine {median(engine):.2f} s, ratio {median(engine) / median(hand):.3f}; "
        f"of the quickest epochs {least:.3f}"
    )
