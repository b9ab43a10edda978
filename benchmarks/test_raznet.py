"""How long the attention target of a large crowd takes, against asking for every pixel.

OMP_NUM_THREADS=1 python -m pytest benchmarks/test_raznet.py -m "" -s

12,000 heads, once spread evenly over 2000 x 3000 pixels and once gathered in a quarter of them.
Both sides use scipy's k-d tree; the other one asks it for the three nearest heads of every pixel.
"""

from time import process_time

import numpy as np
import pytest
import torch
from crowdkit_raznet.targets import TOLERANCE, attention_target
from scipy.spatial import cKDTree

SIZE = (2000, 3000)
HEADS = 12_000
SIGMA = 3.0


def every_pixel(points: torch.Tensor) -> np.ndarray:
    """The map without leaving anything out."""
    centres = np.stack(np.meshgrid(np.arange(SIZE[1]) + 0.5, np.arange(SIZE[0]) + 0.5), axis=-1)
    distances, _ = cKDTree(points.double().numpy()).query(centres.reshape(-1, 2), k=3)
    attention: np.ndarray = np.exp(-(distances.mean(1) ** 2) / (2 * SIGMA**2)).reshape(SIZE)
    return attention


@pytest.mark.slow
@pytest.mark.parametrize(("crowd", "share"), [("even", 1.0), ("gathered", 0.5)])
def test_attention_target(crowd: str, share: float) -> None:
    """Prints processor seconds of both; they agree to the stated tolerance."""
    random = torch.Generator().manual_seed(0)
    points = share * torch.rand(HEADS, 2, generator=random) * torch.tensor([SIZE[1], SIZE[0]])
    started = process_time()
    found = attention_target(points, SIZE, sigma=SIGMA)
    ours = process_time() - started
    started = process_time()
    wanted = every_pixel(points)
    theirs = process_time() - started
    print(f"\n{crowd}: {ours:.2f} s, every pixel {theirs:.2f} s")
    assert np.abs(found.numpy() - wanted).max() <= TOLERANCE
    assert ours < theirs
