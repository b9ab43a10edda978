"""The grid of tiles: its shape, and the way there and back."""

import pytest
import torch
from crowdkit_deepcount.tiling import cut_tiles, join_tiles, tile_grid
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.errors import DataError


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
        ((4000, 64), (83, 1)),  # 512 x 4000 / 64 / 384 = 83.3
    ],
)
def test_grid(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert tile_grid(size, (384, 512)) == expected


def test_a_strip_that_would_become_hundreds_of_tiles_is_refused() -> None:
    with pytest.raises(DataError, match="4000 x 30 pixels: 178 tiles of 384 x 512, enlarged 17"):
        tile_grid((4000, 30), (384, 512))


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
