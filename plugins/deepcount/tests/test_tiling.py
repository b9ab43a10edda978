"""The grid of tiles: its shape, and the way there and back."""

import pytest
import torch
from crowdkit_deepcount.tiling import cut_tiles, join_tiles, tile_grid
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((384, 512), (1, 1)),
        ((768, 1024), (2, 2)),
        ((480, 640), (1, 1)),
        ((50, 60), (1, 1)),
        ((1024, 683), (2, 1)),  # 1.33 columns are 1; 512 x 1024 / 683 = 767.6 rows of pixels
        ((2013, 2902), (6, 6)),
        ((30, 4000), (1, 8)),
        ((4000, 30), (178, 1)),  # 512 x 4000 / 30 / 384 = 177.8
    ],
)
def test_grid(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert tile_grid(size, (384, 512)) == expected


@given(batch=st.integers(1, 3), rows=st.integers(1, 4), columns=st.integers(1, 4))
@settings(deadline=None, max_examples=20)
def test_joined_tiles_are_the_image(batch: int, rows: int, columns: int) -> None:
    images = torch.rand(batch, 1, 6 * rows, 8 * columns)
    tiles = cut_tiles(images, (6, 8), (rows, columns))
    assert tiles.shape == (batch * rows * columns, 1, 6, 8)
    assert torch.equal(tiles[columns - 1], images[0, :, :6, -8:])
    assert torch.equal(join_tiles(tiles, (rows, columns)), images)


def test_other_sizes_are_resized_to_the_grid() -> None:
    ramp = torch.linspace(0, 1, 30).expand(1, 3, 9, 30)
    tiles = cut_tiles(ramp, (8, 16), (2, 3))
    whole = join_tiles(tiles[:, :1], (2, 3))
    assert whole.shape == (1, 1, 16, 48)
    steps = whole.diff(dim=-1)
    assert (steps >= 0).all()
    assert whole.mean().item() == pytest.approx(0.5, abs=1e-3)
