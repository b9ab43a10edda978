"""Draw the heat map over the photo, with a legend below."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Num
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from crowdkit_core.interfaces import LargeImage, Size
from crowdkit_core.visual.canvas import (
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
from crowdkit_core.visual.legend import HeatScale, Legend, square_side
from crowdkit_core.visual.outlines import ShownZone, draw_zones

SHOWN_SIDES = (800, 1600)
"""Least and greatest longer side of the shown photo in pixels; between them, its own."""
LEAST_CROWD = 0.5
"""People per square metre that the brightest colour stands for at least."""
NARROWEST = 360
"""Least width of the picture in pixels: the legend has to be read."""


def overlay(
    image: Num[Tensor, "3 H W"] | LargeImage,
    *,
    caption: str,
    density: Float[Tensor, "h w"] | None = None,
    stride: int | None = None,
    points: Float[Tensor, "N 2"] | None = None,
    roi: Bool[Tensor, "_ _"] | None = None,
    zones: Sequence[ShownZone] = (),
    per_square_metre: Float[Tensor, "h w"] | None = None,
    colormap: Colormap = "inferno",
    long_side: int | None = None,
) -> Figure:
    """Picture where people are counted: heat over the photo, dots on heads, zones, a legend.

    The legend says how many, what the colours stand for and how long a number of the image's
    pixels is.

    Args:
        image: (3, H, W) RGB, uint8 or float in [0, 1]; or one that is read in parts.
        caption: What to print, such as ``322 people``.
        density: Persons per cell; where it is low the photo shows through.
        stride: Pixels per cell side of ``density``.
        points: (x, y) pixels of heads to mark.
        roi: What lies outside is darkened; pixels, or cells over the whole image.
        zones: Outlined, each with its label.
        per_square_metre: Heat to draw in place of ``density``, in its cells: people per square
            metre of the ground; NaN where there is none.
        colormap: Colours from low to high density.
        long_side: Longer side of the shown photo in pixels; its own, but 800 to 1600, when None.

    Returns:
        A figure of the photo without margins and the legend below; write it with `save`.

    Raises:
        ShapeError: The density map does not fit the image.
    """
    height, width = image.shape[-2:]
    size = (height, width)
    shown = display_size(size, long_side or int(np.clip(max(size), *SHOWN_SIDES)))
    photo = shown_photo(image, shown)
    plain = density is None and points is None
    heat = scale = None
    if density is not None and stride is not None:
        if per_square_metre is None:
            intensity = shown_density(density, stride=stride, size=size, shown=shown)
            top, label = _in_pixels(intensity, size)
        else:
            metres = per_square_metre.nan_to_num() * stride**2
            intensity = shown_density(metres, stride=stride, size=size, shown=shown)
            top, label = _in_metres(intensity)
        heat, scale = _heat(np.clip(intensity / top, 0, 1), colormap), HeatScale(colormap, label)
    across = max(shown[1], NARROWEST)
    legend = Legend(caption=caption, width=across, enlarged=shown[1] / width, heat=scale)
    figure = new_figure(across, shown[0] + legend.height)
    figure.set_facecolor(INK)
    tall = shown[0] / (shown[0] + legend.height)
    axes = bare_axes(figure, (0, 1 - tall, shown[1] / across, tall), shown)
    draw_pixels(axes, photo if plain else muted(photo), shown)
    if heat is not None:
        draw_pixels(axes, heat, shown)
    if roi is not None:
        draw_pixels(axes, shade(roi, shown), shown)
    if points is not None:
        draw_points(axes, points, size=size, shown=shown)
    draw_zones(axes, zones, shown, 0.8 * legend.letters)
    legend.draw(figure)
    return figure


def _in_pixels(intensity: NDArray[np.float32], size: Size) -> tuple[float, str]:
    """What the brightest colour stands for, in persons per pixel, and what to print of it."""
    side = square_side(size)
    top = max(peak(intensity), 1 / side**2)  # or nobody would glow
    return top, f"0 to {top * side**2:.3g} per {side} x {side} pixels"


def _in_metres(intensity: NDArray[np.float32]) -> tuple[float, str]:
    top = max(peak(intensity), LEAST_CROWD)
    return top, f"0 to {top:.2g} per m²"


def _heat(level: NDArray[np.float32], colormap: Colormap) -> NDArray[np.float32]:
    """RGBA whose opacity grows with density, from 0 to 1."""
    heat: NDArray[np.float32] = colormaps[colormap](level).astype(np.float32)
    heat[..., 3] = heat_opacity(level)
    return heat


def heat_opacity(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much heat covers the photo, by its level in [0, 1]: it grows with density."""
    opacity: NDArray[np.float32] = 0.85 * level**0.6
    return opacity


def shade(roi: Bool[Tensor, "_ _"], shown: Size) -> NDArray[np.float32]:
    """Transparent inside, dark outside."""
    outside = 1 - F.resize(roi.cpu().float()[None], list(shown), antialias=True)[0].numpy()
    shade = np.zeros((*shown, 4), dtype=np.float32)
    shade[..., 3] = 0.6 * outside
    return shade
