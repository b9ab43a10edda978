"""How long the widths of a whole data set take, against filtering a dot map for each image.

OMP_NUM_THREADS=1 python -m pytest benchmarks/test_perspective_aware.py -m "" -s

The ShanghaiTech A training annotations under CROWDKIT_DATA_ROOT, or random crowds of their sizes
and numbers without them, all in memory. Both sides make the prior map of every image at full
resolution, and from it the effective density of every row that holds a person.
"""

import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import torch
from crowdkit_recurrent_distillation.perspective_aware import PerspectiveAware
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from crowdkit_core.data import ShanghaiTech
from crowdkit_core.interfaces import Annotation, Dataset, Sample, Size

DATA = Path(__file__).parents[2] / "shared" / "data"
PRIOR_SIGMA = 25.0


class InMemory(Dataset):
    """Annotations without images.

    Args:
        annotations: By index.
        source: Where they are from.
    """

    def __init__(self, annotations: list[Annotation], source: str) -> None:
        self.split = "train"
        self.annotations = annotations
        self.source = source

    def __len__(self) -> int:
        return len(self.annotations)

    def annotation(self, index: int) -> Annotation:
        return self.annotations[index]

    def __getitem__(self, index: int) -> Sample:
        raise NotImplementedError


def training_set() -> InMemory:
    root = Path(os.environ.get("CROWDKIT_DATA_ROOT", DATA)) / "ShanghaiTech"
    if root.is_dir():
        dataset = ShanghaiTech(root=root, split="train", validation_every=0)
        annotations = [dataset.annotation(i) for i in range(len(dataset))]
        return InMemory(annotations, "ShanghaiTech A, train")
    generator = np.random.default_rng(0)
    return InMemory([random_crowd(generator, str(i)) for i in range(300)], "random crowds")


def random_crowd(generator: np.random.Generator, name: str) -> Annotation:
    height, width = (int(side) for side in generator.integers((400, 600), (769, 1025)))
    count = int(generator.lognormal(6.0, 0.8).clip(33, 3138))
    xy = torch.from_numpy(generator.uniform(0, (width, height), (count, 2))).float()
    return Annotation(name=name, size=(height, width), points=xy)


def filtered_densities(points: Tensor, size: Size) -> NDArray[np.float64]:
    """A dot map filtered by SciPy, then the mean of what exceeds each row's mean."""
    columns, rows = np.floor(points.numpy().T).astype(int).clip(0, [[size[1] - 1], [size[0] - 1]])
    dots = np.zeros(size)
    np.add.at(dots, (rows, columns), 1)
    held, row = np.unique(rows, return_inverse=True)
    prior = gaussian_filter(dots, PRIOR_SIGMA, mode="reflect")[held]
    dense = prior > prior.mean(1, keepdims=True)
    densities: NDArray[np.float64] = (prior * dense).sum(1) / dense.sum(1)
    return densities[row]


def seconds(work: Callable[[], object]) -> float:
    begin = perf_counter()
    work()
    return perf_counter() - begin


@pytest.mark.slow
def test_fit_of_a_data_set() -> None:
    dataset, generator = training_set(), PerspectiveAware()
    images = [(each.points.as_subclass(Tensor), each.size) for each in dataset.annotations]
    fit = seconds(lambda: generator.fit(dataset))
    measure = seconds(lambda: [generator.measure(*image) for image in images])
    found: list[NDArray[np.float64]] = []
    scipy = seconds(lambda: found.extend(filtered_densities(*image) for image in images))

    densities = np.concatenate(found)
    print(f"\n{len(images)} images, {len(densities)} points: {dataset.source}")
    print(f"{torch.get_num_threads()} threads; seconds, and ratio to fit")
    for name, took in [
        ("crowdkit, fit: D_min and D_max", fit),
        ("crowdkit, measure: every sigma", measure),
        ("SciPy filter: D of every row", scipy),
    ]:
        print(f"{name:32} {took:9.2f}  {took / fit:8.1f}")
    print("D_min, D_max: {:.4g}, {:.4g}".format(*generator.ends.tolist()))
    print(f"of SciPy:     {densities.min():.4g}, {densities.max():.4g}")
    assert fit < scipy
