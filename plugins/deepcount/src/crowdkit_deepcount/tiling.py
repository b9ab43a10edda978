"""Cut images of any size into tiles of the size the network takes, and join their maps."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size

Grid = tuple[int, int]
"""Rows and columns of tiles."""

MOST_ENLARGED = 8
"""Times that an image several tiles high is enlarged at most; the authors' code knows no limit."""


def tile_grid(size: Size, tile: Size) -> Grid:
    """Rows and columns of tiles that an image is resized to, as in the authors' code.

    Args:
        size: (H, W) of the image in pixels.
        tile: (H, W) of a tile in pixels.

    Raises:
        DataError: A strip so narrow that its width of a tile would make it many tiles high.

    Example:
        >>> tile_grid((768, 1024), (384, 512)), tile_grid((600, 600), (384, 512))
        ((2, 2), (1, 1))
    """
    height, width = size
    columns = max(1, round(width / tile[1]))
    rows = max(1, round(tile[1] * columns * height / width / tile[0]))
    if rows > 1 and tile[1] > MOST_ENLARGED * width:
        raise DataError(
            f"a strip of {height} x {width} pixels: {rows} tiles of {tile[0]} x {tile[1]}, "
            f"enlarged {tile[1] / width:.0f} times",
            hint=f"a high image must be at least {-(-tile[1] // MOST_ENLARGED)} pixels wide",
        )
    return rows, columns


def cut_tiles(
    images: Float[Tensor, "B C H W"], tile: Size, grid: Grid
) -> Float[Tensor, "N C tile_h tile_w"]:
    """Resize images to a grid of tiles and cut it: (B * rows * columns, C, H, W), row by row.

    An image that already has the grid's size is cut without being resized.
    """
    (rows, columns), (height, width) = grid, tile
    size = (rows * height, columns * width)
    if images.shape[-2:] != size:
        images = F.interpolate(images, size, mode="bilinear", antialias=True)
    batch, channels = images.shape[:2]
    tiles = images.reshape(batch, channels, rows, height, columns, width)
    return tiles.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


def join_tiles(maps: Float[Tensor, "N 1 h w"], grid: Grid) -> Float[Tensor, "B 1 grid_h grid_w"]:
    """Put the tiles' maps side by side again: the map of each resized image."""
    (rows, columns), (height, width) = grid, maps.shape[-2:]
    tiles = maps.reshape(-1, rows, columns, 1, height, width)
    return tiles.permute(0, 3, 1, 4, 2, 5).reshape(-1, 1, rows * height, columns * width)
