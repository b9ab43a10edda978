"""Small parts to train in a test: real components, only tiny."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from crowdkit_core.data import Augmentation
from crowdkit_core.interfaces import (
    Annotation,
    Batch,
    Counter,
    Dataset,
    DensityGenerator,
    LoopSettings,
    Loss,
    LossTerms,
    MapSpec,
    Optimization,
    Points,
    Prediction,
    Sample,
    Stage,
    StagePlan,
    Target,
    Trainer,
    TrainingTask,
    Weighted,
)
from crowdkit_core.losses import MSE
from crowdkit_core.settings import RunSettings
from crowdkit_core.training import (
    OptimizationSettings,
    Supervised,
    TrainingResult,
    make_optimization,
    train,
)

SIZE = (16, 24)


class Scenes(Dataset):
    """White pixels on noise, one per person."""

    def __init__(self, length: int = 8, *, seed: int = 0) -> None:
        self.split = "train"
        generator = torch.Generator().manual_seed(seed)
        self.items = [_scene(f"scene-{i}", generator) for i in range(length)]

    def __len__(self) -> int:
        return len(self.items)

    def annotation(self, index: int) -> Annotation:
        sample = self.items[index]
        return Annotation(name=sample.name, size=sample.size, points=sample.points)

    def __getitem__(self, index: int) -> Sample:
        return self.items[index]


def _scene(name: str, generator: torch.Generator) -> Sample:
    number = int(torch.randint(0, 7, (), generator=generator))
    frame = torch.tensor([float(SIZE[1]), float(SIZE[0])])
    xy = torch.rand(number, 2, generator=generator) * frame
    image = torch.randint(0, 60, (3, *SIZE), generator=generator, dtype=torch.uint8)
    image[:, xy[:, 1].long(), xy[:, 0].long()] = 255
    return Sample(name=name, image=image, points=Points(xy, canvas_size=SIZE))


class Conv(Counter):
    """Two convolutions; dropout and batch statistics make it depend on everything random."""

    def __init__(self, *, channels: int = 4, dropout: float = 0.2) -> None:
        super().__init__()
        self.outputs = {"density": MapSpec("density", 2)}
        self.features = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.head = nn.Conv2d(channels, 1, 2, stride=2)

    def forward(self, images: Tensor) -> Prediction:
        return Prediction.from_density(self.head(self.features(images)), 2)


class Linear(Counter):
    """One convolution: batches of any composition give comparable results."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = {"density": MapSpec("density", 2)}
        self.head = nn.Conv2d(3, 1, 2, stride=2)

    def forward(self, images: Tensor) -> Prediction:
        return Prediction.from_density(self.head(images), 2)


class Splat(DensityGenerator):
    """All of a person in the cell it stands in."""

    def forward(self, points, size, *, stride=1, sigmas=None, images=None) -> Tensor:
        height, width = -(-size[0] // stride), -(-size[1] // stride)
        maps = torch.zeros(len(points), 1, height, width, device=points[0].device)
        for image, each in enumerate(points):
            column = (each[:, 0].long() // stride).clamp(0, width - 1)
            row = (each[:, 1].long() // stride).clamp(0, height - 1)
            ones = torch.ones(len(each), device=each.device)
            maps[image, 0].index_put_((row, column), ones, accumulate=True)
        return maps


class Learned(Splat):
    """A splat whose mass per person is learned."""

    preserves_count = False

    def __init__(self) -> None:
        super().__init__()
        self.mass = nn.Parameter(torch.tensor(0.5))

    def forward(self, points, size, *, stride=1, sigmas=None, images=None) -> Tensor:
        return self.mass * super().forward(points, size, stride=stride)


def seeded(factory, seed: int = 0):
    """What a factory makes from a seed."""
    torch.manual_seed(seed)
    return factory()


def task(
    counter: Counter | None = None, *, train: int = 8, validation: int | None = 3, loss=None
) -> TrainingTask:
    return TrainingTask(
        counter=counter or seeded(Conv),
        loss=loss or MSE(),
        density_generator=Splat(),
        train=Scenes(train),
        validation=None if validation is None else Scenes(validation, seed=1),
    )


class JointStage(Stage):
    """Counter and generator move together, each by its own optimizer."""

    def __init__(self, counter: Counter, generator: DensityGenerator, loss: Loss) -> None:
        super().__init__()
        self.counter, self.density_generator, self.loss = counter, generator, loss

    def companions(self) -> Mapping[str, Weighted]:
        return {"generator": self.density_generator}

    def forward(self, batch: Batch) -> LossTerms:
        return self.loss(
            self.counter(batch.images), Target.from_batch(batch, self.density_generator)
        )

    def optimizations(self) -> Mapping[str, Optimization]:
        slow = OptimizationSettings(optimizer="SGD", learning_rate=1e-3)
        return {
            "counter": make_optimization(self.counter.named_parameters(), OptimizationSettings()),
            "generator": make_optimization(
                self.density_generator.named_parameters(), slow, every_epochs=2
            ),
        }


class Joint(Trainer):
    def __init__(self, *, epochs: int, loop: LoopSettings | None = None) -> None:
        self.epochs, self.loop = epochs, loop or LoopSettings()
        self.generator = Learned()

    def stages(self, task: TrainingTask) -> Sequence[StagePlan]:
        stage = JointStage(task.counter, self.generator, task.loss)
        return [
            StagePlan(name="joint", epochs=self.epochs, batch_size=2, build=lambda _: stage),
        ]


class StudentStage(Stage):
    """A counter that learns the targets, and a frozen teacher's maps if it has one."""

    def __init__(self, counter: Counter, teacher: Counter | None, task: TrainingTask) -> None:
        super().__init__()
        self.counter, self.teacher = counter, teacher
        self.density_generator, self.loss = task.density_generator, task.loss
        if teacher is not None:
            teacher.requires_grad_(False)

    def start_epoch(self, epoch: int) -> None:
        super().start_epoch(epoch)
        if self.teacher is not None:
            self.teacher.eval()

    def forward(self, batch: Batch) -> LossTerms:
        prediction = self.counter(batch.images)
        terms = self.loss(prediction, Target.from_batch(batch, self.density_generator)).terms
        if self.teacher is None:
            return LossTerms.of(**terms)
        taught = self.teacher(batch.images).density
        return LossTerms.of(**terms, teacher=(prediction.density - taught).square().mean())

    def optimizations(self) -> Mapping[str, Optimization]:
        settings = OptimizationSettings(
            learning_rate=1e-2, schedule="StepLR", schedule_options={"step_size": 1}
        )
        return {"counter": make_optimization(self.counter.named_parameters(), settings)}


class Distillation(Trainer):
    """A teacher, then a fresh student of it."""

    def __init__(
        self, *, epochs: int, student_epochs: int, loop: LoopSettings | None = None
    ) -> None:
        self.epochs, self.student_epochs = epochs, student_epochs
        self.loop = loop or LoopSettings()
        self.asked: list[dict[str, Path]] = []

    def stages(self, task: TrainingTask) -> Sequence[StagePlan]:
        def student(finished: Mapping[str, Path]) -> Stage:
            self.asked.append(dict(finished))
            teacher = Conv()
            teacher.load_weights(finished["teacher"])
            return StudentStage(task.counter, teacher, task)

        return [
            StagePlan(
                name="teacher",
                epochs=self.epochs,
                batch_size=2,
                build=lambda _: StudentStage(Conv(), None, task),
            ),
            StagePlan(name="student", epochs=self.student_epochs, batch_size=2, build=student),
        ]


def train_for_comparison(
    directory: Path, *, processes: int = 1, epochs: int = 2, resume: bool = False
) -> TrainingResult:
    """A run with everything switched on that must not depend on the number of processes."""
    trainer = Supervised(
        epochs=epochs,
        batch_size=4,
        augmentation=Augmentation(crop_size=(8, 12)),
        optimization=OptimizationSettings(learning_rate=1e-2),
        loop=LoopSettings(accumulate=2, ema=0.5, clip_norm=10.0),
    )
    run = RunSettings(
        directory=directory,
        accelerator="cpu",
        strategy="ddp" if processes > 1 else "auto",
        resume=resume,
    )
    # 3 validation images are no multiple of 2 processes.
    return train(task(seeded(Linear), train=13, validation=3), trainer, run)
