"""What it costs to load a JPEG, against torchvision's decoder on the same files.

OMP_NUM_THREADS=1 CROWDKIT_DATA_ROOT=DIR python -m pytest benchmarks/test_loading.py -m "" -s
"""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
import torch
from torchvision.io import decode_jpeg, read_file

from crowdkit_core.data import ShanghaiTech, read_image
from crowdkit_core.data.loading import InMemory

ROOT = os.environ.get("CROWDKIT_DATA_ROOT")
IMAGES, ROUNDS = 60, 5


@pytest.mark.slow
@pytest.mark.realdata
def test_a_jpeg_against_torchvision() -> None:
    """CPU time, as wall clocks disagree on a busy machine; every file by all of them in turn."""
    assert ROOT, "set CROWDKIT_DATA_ROOT to the folder that holds ShanghaiTech"
    images = ShanghaiTech(root=Path(ROOT) / "ShanghaiTech", split="train")
    files = [entry.image for entry in images.entries[:IMAGES]]
    kept = InMemory(images)
    ways: dict[str, Callable[[int], object]] = {
        "torchvision's decode_jpeg": lambda index: decode_jpeg(
            read_file(str(files[index])), mode="RGB"
        ),
        "read_image": lambda index: read_image(files[index]),
        "a sample of the data set": lambda index: images[index],
        "the same, kept in memory": lambda index: kept[index],
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torchvision's decoder
        for round_ in range(ROUNDS + 1):
            for index in range(IMAGES):
                for name, load in ways.items():
                    started = process_time()
                    load(index)
                    if round_:  # the first fills caches
                        seconds[name].append(process_time() - started)
    print(f"\n{IMAGES} photographs of ShanghaiTech A, {ROUNDS} times each")
    base = _mean_of_quicker(seconds["torchvision's decode_jpeg"])
    for name, each in seconds.items():
        mean = _mean_of_quicker(each)
        print(f"{name}: {mean * 1e3:.2f} ms, ratio {mean / base:.3f}")
    assert torch.equal(images[0].image, kept[0].image)


def _mean_of_quicker(seconds: list[float]) -> float:
    """Mean of the quicker four fifths: the others were interrupted."""
    quicker = sorted(seconds)[: len(seconds) * 4 // 5]
    return sum(quicker) / len(quicker)
