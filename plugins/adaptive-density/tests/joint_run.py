"""A joint run in the folder given, over as many processes as torchrun started, or alone."""

import json
import os
import sys
from pathlib import Path

import torch
from crowdkit_adaptive_density.joint import Joint

from crowdkit_core.interfaces import LoopSettings, TrainingTask
from crowdkit_core.losses import MSE
from crowdkit_core.settings import RunSettings
from crowdkit_core.testing.toys import ToyCounter, ToyDataset, ToyGenerator
from crowdkit_core.training import OptimizationSettings, train


def main(directory: Path, epochs: int, *, resume: bool) -> None:
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    torch.manual_seed(0)
    task = TrainingTask(
        counter=ToyCounter(),
        loss=MSE(),
        density_generator=ToyGenerator(),
        train=ToyDataset(length=7),
        validation=ToyDataset(length=3, split="validation"),
    )
    trainer = Joint(
        epochs=epochs,
        batch_size=4,
        optimization=OptimizationSettings(learning_rate=1e-2),
        generator_optimization=OptimizationSettings(learning_rate=1e-3),
        generator_every_epochs=2,
        loop=LoopSettings(accumulate=2, ema=0.5, clip_norm=10.0),
    )
    run = RunSettings(
        directory=directory,
        accelerator="cpu",
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        resume=resume,
    )
    result = train(task, trainer, run)
    history = directory / f"history-{os.environ.get('RANK', '0')}.json"
    history.write_text(json.dumps(result.history))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), resume=sys.argv[3:] == ["resume"])
