"""Distils a toy in the folder given, over as many processes as torchrun starts."""

import json
import os
import sys
from pathlib import Path

import torch
from crowdkit_recurrent_distillation.distillation import Distillation, StageSettings

from crowdkit_core import create
from crowdkit_core.data import Augmentation
from crowdkit_core.interfaces import TrainingTask
from crowdkit_core.losses import MSE
from crowdkit_core.settings import RunSettings
from crowdkit_core.testing.toys import ToyCounter, ToyDataset
from crowdkit_core.training import train


def distil(directory: Path, processes: int) -> list[dict]:
    """The history of two stages; both maps are distilled, batches hold people and nobody."""
    torch.manual_seed(0)
    task = TrainingTask(
        counter=ToyCounter(),
        loss=MSE(auxiliary=True),
        density_generator=create("density_generator", "fixed"),
        train=ToyDataset(length=6),
        validation=ToyDataset(length=3, split="validation"),
    )
    trainer = Distillation(
        generator_options=({"sigma": 6.0}, {"sigma": 3.0}),
        initial=StageSettings(epochs=2),
        distilled=StageSettings(epochs=2),
        batch_size=2,
        augmentation=Augmentation(crop_size=(16, 24)),
    )
    run = RunSettings(
        directory=directory,
        accelerator="cpu",
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
    )
    return [dict(record) for record in train(task, trainer, run).history]


if __name__ == "__main__":
    folder, processes = Path(sys.argv[1]), int(os.environ.get("WORLD_SIZE", "1"))
    history = distil(folder, processes)
    if os.environ.get("RANK", "0") == "0":
        (folder / "history.json").write_text(json.dumps(history))
