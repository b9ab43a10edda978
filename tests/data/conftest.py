import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from crowdkit_core.interfaces import Points, Sample


@pytest.fixture
def save_image() -> Callable[..., Path]:
    """Write a picture of noise; returns its path."""

    def save(path: Path, size: tuple[int, int] = (40, 60)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return save


@pytest.fixture
def save_shanghaitech_mat() -> Callable[[Path, Sequence[Sequence[float]]], None]:
    """Write points in the nested form of ShanghaiTech's files."""

    def save(path: Path, points: Sequence[Sequence[float]]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        location = np.array(points, dtype=np.float64)
        inner = np.zeros((1, 1), dtype=[("location", object), ("number", object)])
        inner[0, 0] = (location, np.array([[len(location)]]))
        cell = np.empty((1, 1), dtype=object)
        cell[0, 0] = inner
        scipy.io.savemat(path, {"image_info": cell})

    return save


@pytest.fixture
def make_sample() -> Callable[..., Sample]:
    """A sample of one colour with the given points."""

    def make(
        points: Sequence[Sequence[float]], size: tuple[int, int] = (20, 30), name: str = "a"
    ) -> Sample:
        xy = torch.tensor(points, dtype=torch.float32).reshape(-1, 2)
        return Sample(
            name=name,
            image=torch.full((3, *size), 100, dtype=torch.uint8),
            points=Points(xy, canvas_size=size),
            lengths={"sigma": torch.arange(1.0, len(points) + 1)},
        )

    return make


@pytest.fixture
def data_root() -> Path:
    """Where the real data sets are."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    root = Path(os.environ.get("CROWDKIT_DATA_ROOT", default))
    if not root.is_dir():
        pytest.skip(f"no real data at {root}; set CROWDKIT_DATA_ROOT")
    return root
