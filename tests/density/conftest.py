"""The published definition, point by point: the oracle of the density tests."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

Oracle = Callable[..., NDArray[np.float64]]


def _share(centre: float, sigma: float, cells: int, frame: int, stride: int) -> NDArray[np.float64]:
    edges = np.minimum(np.arange(cells + 1) * stride, frame)
    share = np.diff(norm.cdf(edges, centre, sigma))
    return share / share.sum()


@pytest.fixture(scope="session")
def untruncated() -> Oracle:
    """Whole Gaussians, integrated by SciPy's normal distribution and normalised in the frame."""

    def density(points, sigmas, size, stride=1):
        height, width = size
        rows, columns = -(-height // stride), -(-width // stride)
        total = np.zeros((rows, columns))
        for (x, y), sigma in zip(points, sigmas, strict=True):
            total += np.outer(
                _share(y, sigma, rows, height, stride), _share(x, sigma, columns, width, stride)
            )
        return total

    return density
