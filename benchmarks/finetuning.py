"""What fine-tuning on twenty images brings, beside the weights that it began as.

CROWDKIT_DATA_ROOT=DIR OMP_NUM_THREADS=1 python benchmarks/finetuning.py

DIR holds MBM, 44 images of bone marrow. `cells` was trained on rendered fluorescent cells, which
look nothing like it. Twenty images are corrected, of which fifteen are trained on; the other 24 are
seen by nobody before they are counted.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from torch import Tensor

import crowdkit_core
from crowdkit_core.data.corrections import Corrections
from crowdkit_core.data.datasets.dots import Dots
from crowdkit_core.inference.model import Model, count_annotated

CORRECTED = 20


def off(model: Model, folder: Corrections) -> float:
    """The mean absolute error on the images of a folder."""
    images = crowdkit_core.create("dataset", "folder", root=folder.folder, split="all")
    counts = count_annotated(model, images)
    return float(np.abs(np.subtract(counts.predicted, counts.actual)).mean())


def main() -> None:
    root = Path(os.environ["CROWDKIT_DATA_ROOT"]) / "MBM"
    marrow: Dots = crowdkit_core.create("dataset", "dots", root=root, split="all")
    with TemporaryDirectory() as folder:
        os.environ["CROWDKIT_WEIGHTS"] = f"{folder}/weights"
        mine, rest = Corrections(f"{folder}/mine"), Corrections(f"{folder}/rest")
        for index, entry in enumerate(marrow.entries):
            points = marrow.annotation(index).points.as_subclass(Tensor).numpy()
            (mine if index < CORRECTED else rest).add(entry.image, points)
        began = perf_counter()
        tuned = crowdkit_core.finetune("cells", mine, output=f"{folder}/run")
        took = perf_counter() - began
        unseen = len(rest)
        before, after = (off(crowdkit_core.load(name), rest) for name in ("cells", tuned.name))
    assert tuned.before is not None
    assert tuned.after is not None
    print(f"{len(tuned.trained)} images, {len(tuned.history)} epochs, {took / 60:.1f} minutes")
    for called, one, other in (
        (f"{tuned.after.images} held out", tuned.before.mae, tuned.after.mae),
        (f"{unseen} seen by nobody", before, after),
    ):
        print(f"MAE, {called}: {one:.2f} before, {other:.2f} after, {one / other:.1f} times less")


if __name__ == "__main__":
    main()
