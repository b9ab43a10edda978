"""Draw photos, density maps and points on figures that need no display."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from crowdkit_core.errors import ShapeError, UsageError
from crowdkit_core.files import atomic_write
from crowdkit_core.interfaces import LargeImage, Size

Colormap = Literal["inferno", "magma", "plasma", "viridis", "cividis", "turbo", "jet"]
"""Colours of a heat map; the first five are perceptually uniform, ``jet`` is the old habit."""

DPI = 100
INK = "#1c1c22"
POINT = "#3df5ff"
ACTUAL, FOUND = "#ff3b30", "#4cf06a"


def new_figure(width: float, height: float) -> Figure:
    """A figure of that many pixels that needs no display."""
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write a picture as PNG; an older one stays if that fails.

    Raises:
        UsageError: The suffix of ``path`` is not ``.png``.
    """
    if Path(path).suffix.lower() != ".png":
        raise UsageError(f"{path}: pictures are written as .png")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI)


def display_size(size: Size, longest: int) -> Size:
    """(H, W) of the same shape whose longer side is ``longest`` pixels."""
    scale = longest / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shown_photo(image: Tensor | LargeImage, shown: Size) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 at display size."""
    if isinstance(image, LargeImage):
        return image.resized(shown)[:, :, :].permute(1, 2, 0).numpy()
    if image.ndim != 3 or image.shape[0] != 3:
        raise ShapeError(f"image of shape {tuple(image.shape)}: expected (3, H, W)")
    pixels = F.to_dtype(image.detach().cpu(), torch.uint8, scale=True)
    resized: Tensor = F.resize(pixels, list(shown), antialias=True)
    return resized.permute(1, 2, 0).numpy()


def muted(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Half grey and a little darker: heat and dots are told from the photo's own colours."""
    colors = photo.astype(np.float32) / 255
    grey = colors.mean(axis=2, keepdims=True)
    return np.asarray(0.85 * (0.4 * colors + 0.6 * grey), dtype=np.float32)


def shown_density(
    density: Float[Tensor, "h w"], *, stride: int, size: Size, shown: Size
) -> NDArray[np.float32]:
    """Persons per image pixel at display size; for looking at only, its sum means nothing."""
    cells = tuple(density.shape)
    if cells != tuple(-(-length // stride) for length in size):
        raise ShapeError(
            f"density of {cells} cells at stride {stride} does not fit an image of {size} pixels"
        )
    covered = [
        max(1, round(number * stride * to / length))
        for number, to, length in zip(cells, shown, size, strict=True)
    ]
    intensity = density.detach().cpu().float()[None] / stride**2
    resized: Tensor = F.resize(intensity, covered, antialias=True)
    return resized[0, : shown[0], : shown[1]].numpy()


def peak(*maps: NDArray[np.float32]) -> float:
    """What the top of the colour scale stands for: robust to a few extreme cells."""
    positive = np.concatenate([np.empty(0), *(each[each > 0] for each in maps)])
    return float(np.quantile(positive, 0.995)) if len(positive) else 1.0


def bare_axes(figure: Figure, box: tuple[float, float, float, float], shown: Size) -> Axes:
    """Axes over a box (left, bottom, width, height in [0, 1]) in pixels of the shown image."""
    axes = figure.add_axes(box)
    axes.set_axis_off()
    axes.set_xlim(0, shown[1])
    axes.set_ylim(shown[0], 0)
    return axes


def draw_pixels(
    axes: Axes,
    pixels: NDArray[np.generic],
    shown: Size,
    *,
    colormap: Colormap | None = None,
    norm: Normalize | None = None,
) -> None:
    """An image in corner coordinates: pixel column i covers [i, i + 1)."""
    axes.imshow(
        pixels,
        extent=(0, shown[1], shown[0], 0),
        aspect="auto",
        interpolation="none",
        cmap=colormap,
        norm=norm,
    )


def draw_points(
    axes: Axes,
    points: Float[Tensor, "N 2"],
    *,
    size: Size,
    shown: Size,
    color: str = POINT,
    hollow: bool = False,
) -> None:
    """Dots on heads, smaller where there are many; or rings, which leave room for a dot."""
    xy = points.detach().cpu().float().numpy() * np.array([shown[1] / size[1], shown[0] / size[0]])
    spacing = (shown[0] * shown[1] / max(len(xy), 1)) ** 0.5
    diameter = float(np.clip(spacing / 5, 3.5, 9.0)) * 72 / DPI
    if hollow:
        area, width, inside, border = (1.8 * diameter) ** 2, diameter / 3, "none", color
    else:
        area, width, inside, border = diameter**2, diameter / 8, color, INK
    axes.scatter(xy[:, 0], xy[:, 1], s=area, facecolors=inside, edgecolors=border, linewidths=width)
