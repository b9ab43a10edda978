"""Processor time and counts of the weights `people`, by the way of computing.

CROWDKIT_DATA_ROOT=DIR OMP_NUM_THREADS=1 python benchmarks/people_ways.py

DIR holds ShanghaiTech. Every third of the 30 images that the weights were not trained on goes once
through the network, in the size that the weights ask for.
"""

import os
from itertools import product
from pathlib import Path
from time import process_time

import torch
from torch import Tensor

import crowdkit_core
from crowdkit_core.inference.images import to_batch
from crowdkit_core.inference.resized import resize_pixels
from crowdkit_core.inference.ways import Way
from crowdkit_core.interfaces import evaluating

EVERY = 3


def main() -> None:
    """Print a line each way."""
    root = Path(os.environ["CROWDKIT_DATA_ROOT"]) / "ShanghaiTech"
    dataset = crowdkit_core.create(
        "dataset", "shanghaitech", root=root, part="A", split="validation"
    )
    model = crowdkit_core.load()
    images = [dataset[index].image.as_subclass(Tensor) for index in range(0, len(dataset), EVERY)]
    batches = [
        to_batch(resize_pixels(each, model.sizing.first(tuple(each.shape[-2:]))), "cpu")
        for each in images
    ]
    plain: list[float] = []
    for bf16, channels_last in product((False, True), repeat=2):
        way = Way(channels_last=channels_last, bf16=bf16)
        with evaluating(model.counter), way.taken(model.counter, torch.device("cpu")):
            model.counter.predict(batches[0])  # sets things up
            before = process_time()
            counts = [model.counter.predict(each).count.item() for each in batches]
            seconds = process_time() - before
        plain = plain or counts
        change = max(abs(a - b) / max(b, 1) for a, b in zip(counts, plain, strict=True))
        print(f"{way!s:24}{seconds:6.2f} s, counts change by {change:.5%} at most")


if __name__ == "__main__":
    main()
