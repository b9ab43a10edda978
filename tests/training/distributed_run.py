"""Run by torchrun: trains in the folder given, over as many processes as there are."""

import json
import os
import sys
from pathlib import Path

import toys

from crowdkit_core.data import Augmentation
from crowdkit_core.interfaces import LoopSettings
from crowdkit_core.settings import RunSettings
from crowdkit_core.training import OptimizationSettings, Supervised, train


def main(directory: str, resume: str) -> None:
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    trainer = Supervised(
        epochs=4 if resume == "resume" else 2,
        batch_size=4,
        augmentation=Augmentation(crop_size=(8, 12)),
        optimization=OptimizationSettings(learning_rate=1e-2),
        loop=LoopSettings(accumulate=2, ema=0.5, clip_norm=10.0),
    )
    run = RunSettings(
        directory=Path(directory),
        accelerator="cpu",
        devices=processes,
        strategy="ddp" if processes > 1 else "auto",
        resume=resume == "resume",
    )
    # 3 validation images: no multiple of 2 processes
    task = toys.task(toys.seeded(toys.Linear), train=13, validation=3)
    result = train(task, trainer, run)
    history = Path(directory) / f"history-{os.environ.get('RANK', '0')}.json"
    history.write_text(json.dumps(result.history))


if __name__ == "__main__":
    main(*sys.argv[1:])
