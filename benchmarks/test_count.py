"""What reading and resizing add to the network: a photo of 12 megapixels, and a folder of photos.

OMP_NUM_THREADS=1 python -m pytest benchmarks/test_count.py -m "" -s

The photos are JPEG files of synthetic scenes with a camera's noise, the counter is a ZIP at random.
Where heads are checked, an image may be counted twice, and what random weights take for heads says
nothing: the check is off, and each image goes through the network once.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from time import perf_counter

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import crowdkit_core
from crowdkit_core.data import read_image
from crowdkit_core.data.transforms import resize_image
from crowdkit_core.inference import Model, Sizing
from crowdkit_core.inference.images import to_batch
from crowdkit_core.inference.resized import resize_pixels
from crowdkit_core.interfaces import Size, evaluating

LARGE, SCENE = (3000, 4000), (768, 1024)
SCENES = 5
ROUNDS, FOLDER_ROUNDS = 9, 3
NOISE = 6.0
SIZING = replace(Sizing.trained_on((400, 1024), (6.0, 40.0)), check_heads=False)
MIB = 2**20


def model() -> Model:
    torch.manual_seed(0)
    counter = crowdkit_core.create(
        *("counter", "zip"),
        backbone="tf_efficientnet_lite0",
        block_size=16,
        laterals=True,
        convolutions=2,
    )
    return Model(counter=counter, sizing=SIZING)


def save_photos(folder: Path, size: Size, photos: int) -> list[Path]:
    """Write photos of scenes that take turns, each with noise of its own."""
    count = min(photos, SCENES)
    scenes = crowdkit_core.create("dataset", "synthetic", images=count, size=SCENE, people=(99, 99))
    images = [resize_image(scenes[index].image.as_subclass(Tensor), size) for index in range(count)]
    files = [folder / f"{index}.jpg" for index in range(photos)]
    for index, file in enumerate(files):
        pixels = images[index % count].permute(1, 2, 0).numpy()
        noise = np.random.default_rng(index).normal(0, NOISE, pixels.shape)
        Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(file, quality=90)
    return files


def shown(file: Path) -> Tensor:
    """The batch that the network is given."""
    pixels = read_image(file)
    height, width = pixels.shape[-2:]
    return to_batch(resize_pixels(pixels, SIZING.first((height, width))), "cpu")


def predict(counting: Model, batches: list[Tensor]) -> None:
    with evaluating(counting.counter):
        for batch in batches:
            counting.counter.predict(batch)


def seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


def medians(cases: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each case, in turns so that all see the machine's moods."""
    times = [{name: seconds(work) for name, work in cases.items()} for _ in range(rounds)]
    return {name: median(each[name] for each in times) for name in cases}


def report(title: str, times: dict[str, float]) -> None:
    print(f"\n{title}; seconds, and share of the network alone")
    for name, time in times.items():
        print(f"{name:24}{time:8.3f}{time / times['network']:8.2f}")


def run_once(case: str, file: Path) -> None:
    """What the peak of memory is taken of."""
    counting = model()
    if case == "decoding":
        read_image(file)
    elif case == "network":
        height, width = SIZING.first(LARGE)
        predict(counting, [torch.zeros(1, 3, height, width)])
    elif case == "file to count":
        counting(file)


def peak_of_process(case: str, file: Path) -> float:
    """MiB, as the process itself reports them at its end."""
    command = [sys.executable, __file__, case, str(file)]
    # Linux takes the peak of whoever starts a process for its own: let it be a small one.
    start = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])"]
    done = subprocess.run([*start, *command], check=True, capture_output=True, text=True)
    return float(done.stdout)


@pytest.mark.slow
def test_a_photo_of_12_megapixels(tmp_path: Path) -> None:
    (file,) = save_photos(tmp_path, LARGE, 1)
    counting, batch = model(), shown(file)
    cases = {
        "decoding": lambda: read_image(file),
        "decoding and resizing": lambda: shown(file),
        "network": lambda: predict(counting, [batch]),
        "file to count": lambda: counting(file),
    }
    medians(cases, 1)  # what libraries do but once
    title = f"a JPEG of 4000 x 3000, {file.stat().st_size / MIB:.1f} MiB, median of {ROUNDS}"
    report(title, medians(cases, ROUNDS))
    peaks = {
        case: peak_of_process(case, file)
        for case in ("loaded", "decoding", "network", "file to count")
    }
    print("peak of a process that has loaded the counter, and then did no more than one; MiB")
    for case, peak in peaks.items():
        print(f"{case:24}{peak:8.0f}{peak / peaks['network']:8.2f}")


@pytest.mark.slow
@pytest.mark.parametrize(("size", "photos"), [(SCENE, 100), (LARGE, 10)])
def test_a_folder_of_photos(tmp_path: Path, size: Size, photos: int) -> None:
    files = save_photos(tmp_path, size, photos)
    counting, batches = model(), [shown(file) for file in files]
    cases = {
        "decoding": lambda: [read_image(file) for file in files],
        "network": lambda: predict(counting, batches),
        "decode, then count": lambda: [counting(read_image(file)) for file in files],
        "Model.count_paths": lambda: list(counting.count_paths(files)),
    }
    predict(counting, batches[:2])
    title = f"{photos} JPEG files of {size[1]} x {size[0]}, median of {FOLDER_ROUNDS}"
    report(title, medians(cases, FOLDER_ROUNDS))


if __name__ == "__main__":
    run_once(sys.argv[1], Path(sys.argv[2]))
    kilobyte = 1 if sys.platform == "darwin" else 1024
    print(getrusage(RUSAGE_SELF).ru_maxrss * kilobyte / MIB)
