"""Hypothesis strategies for points, image sizes, samples and batches."""

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from crowdkit_core.interfaces import Points, Sample, Size


def sizes(
    *, min_side: int = 1, max_side: int = 96, multiple_of: int = 1
) -> st.SearchStrategy[Size]:
    """Image sizes (H, W) whose sides are multiples of ``multiple_of``."""
    least = -(-min_side // multiple_of)
    sides = st.integers(least, max_side // multiple_of).map(lambda side: side * multiple_of)
    return st.tuples(sides, sides)


@st.composite
def points(draw: st.DrawFn, *, size: Size, min_points: int = 0, max_points: int = 40) -> Tensor:
    """(N, 2) float32 points in ``[0, W] x [0, H]``: borders, corners and duplicates occur."""
    height, width = size
    x = st.floats(0, width, width=32)
    y = st.floats(0, height, width=32)
    corner = st.sampled_from([(0.0, 0.0), (float(width), float(height)), (width / 2, 0.0)])
    pair: st.SearchStrategy[tuple[float, float]] = st.tuples(x, y) | corner
    pairs = draw(st.lists(pair, min_size=min_points, max_size=max_points))
    repeated: bool = draw(st.booleans())
    if pairs and repeated:
        pairs = [*pairs[: max_points - 1], pairs[0]]
    return torch.tensor(pairs, dtype=torch.float32).reshape(-1, 2)


@st.composite
def samples(
    draw: st.DrawFn,
    *,
    min_side: int = 8,
    max_side: int = 64,
    max_points: int = 20,
    with_roi: bool | None = None,
) -> Sample:
    """Samples with random pixels; with a region of interest always, never, or either (None)."""
    size = draw(sizes(min_side=min_side, max_side=max_side))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = torch.from_numpy(generator.integers(0, 256, (3, *size), dtype=np.uint8))
    has_roi = draw(st.booleans()) if with_roi is None else with_roi
    roi = torch.from_numpy(generator.random(size) < 0.7) if has_roi else None
    xy = draw(points(size=size, max_points=max_points))
    name = draw(st.text("abcdefgh", min_size=1, max_size=8))
    return Sample(name=name, image=image, points=Points(xy, canvas_size=size), roi=roi)
