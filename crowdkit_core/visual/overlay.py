"""Draw the heat map over the photo, with a caption."""

import textwrap

import numpy as np
from jaxtyping import Bool, Float, Num
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from crowdkit_core.interfaces import LargeImage, Size
from crowdkit_core.visual.canvas import (
    DPI,
    INK,
    Colormap,
    bare_axes,
    display_size,
    draw_pixels,
    draw_points,
    muted,
    new_figure,
    peak,
    shown_density,
    shown_photo,
)

WIDEST = 0.62
"""Width of a bold letter in its height, on average."""
SHOWN_SIDES = (800, 1600)
"""Least and greatest longer side of the picture in pixels; between them, that of the photo."""


def overlay(
    image: Num[Tensor, "3 H W"] | LargeImage,
    *,
    caption: str,
    density: Float[Tensor, "h w"] | None = None,
    stride: int | None = None,
    points: Float[Tensor, "N 2"] | None = None,
    roi: Bool[Tensor, "_ _"] | None = None,
    colormap: Colormap = "inferno",
) -> Figure:
    """Picture where people are counted: heat over the photo, dots on heads, a caption.

    Args:
        image: (3, H, W) RGB, uint8 or float in [0, 1]; or one that is read in parts.
        caption: What to print, such as ``322 people``.
        density: Persons per cell; where it is low the photo shows through.
        stride: Pixels per cell side of ``density``.
        points: (x, y) pixels of heads to mark.
        roi: What lies outside is darkened; pixels, or cells over the whole image.
        colormap: Colours from low to high density.

    Returns:
        A figure without margins, its longer side 800 to 1600 pixels; write it with `save`.

    Raises:
        ShapeError: The density map does not fit the image.
    """
    height, width = image.shape[-2:]
    size = (height, width)
    shown = display_size(size, int(np.clip(max(size), *SHOWN_SIDES)))
    figure = new_figure(shown[1], shown[0])
    axes = bare_axes(figure, (0, 0, 1, 1), shown)
    photo = shown_photo(image, shown)
    plain = density is None and points is None
    draw_pixels(axes, photo if plain else muted(photo), shown)
    if density is not None and stride is not None:
        intensity = shown_density(density, stride=stride, size=size, shown=shown)
        draw_pixels(axes, _heat(intensity, colormap), shown)
    if roi is not None:
        draw_pixels(axes, _shade(roi, shown), shown)
    if points is not None:
        draw_points(axes, points, size=size, shown=shown)
    letters = max(0.043 * min(shown), 16)
    axes.text(
        0.7 * letters,
        0.7 * letters,
        _wrapped(caption, shown[1], letters),
        fontsize=letters * 72 / DPI,
        fontweight="bold",
        color="white",
        verticalalignment="top",
        bbox={"boxstyle": "round,pad=0.35", "facecolor": INK, "alpha": 0.8, "linewidth": 0},
    )
    return figure


def _wrapped(caption: str, width: float, letters: float) -> str:
    """The caption in lines that fit into a picture of that many pixels."""
    most = max(int((width - 1.4 * letters) / (WIDEST * letters)), 12)
    parts = [caption] if len(caption) <= most else caption.replace(", ", ",\n").split("\n")
    return "\n".join(textwrap.fill(part, most) for part in parts)


def _heat(intensity: NDArray[np.float32], colormap: Colormap) -> NDArray[np.float32]:
    """RGBA whose opacity grows with density."""
    level = np.clip(intensity / peak(intensity), 0, 1)
    heat: NDArray[np.float32] = colormaps[colormap](level).astype(np.float32)
    heat[..., 3] = 0.85 * level**0.6
    return heat


def _shade(roi: Bool[Tensor, "_ _"], shown: Size) -> NDArray[np.float32]:
    """Transparent inside, dark outside."""
    outside = 1 - F.resize(roi.cpu().float()[None], list(shown), antialias=True)[0].numpy()
    shade = np.zeros((*shown, 4), dtype=np.float32)
    shade[..., 3] = 0.6 * outside
    return shade
