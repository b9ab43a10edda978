"""Pictures side by side: the image, its ground truth, a prediction."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.interfaces import Size
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

PANEL_SIDE = 640
"""Longer side of a panel in pixels."""
GAP = 16
CAPTION = 52


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One picture of a row: the photo, or a density map, and points on it.

    Attributes:
        title: Printed above.
        density: (h, w) persons per cell; the photo is shown when None.
        stride: Pixels per cell side of ``density``.
        points: (x, y) image pixels to mark.
    """

    title: str
    density: Float[Tensor, "h w"] | None = None
    stride: int = 1
    points: Float[Tensor, "N 2"] | None = None


def panel_row(
    image: Num[Tensor, "3 H W"],
    panels: list[Panel],
    *,
    colormap: Colormap = "inferno",
) -> Figure:
    """Panels in a row, all of one image; density maps share one colour scale.

    Raises:
        ShapeError: A density map does not fit the image.
    """
    height, width = image.shape[-2:]
    size = (height, width)
    shown = display_size(size, PANEL_SIDE)
    maps = [_intensity(panel, size, shown) for panel in panels]
    top = peak(*(each for each in maps if each is not None))
    total = (len(panels) * (shown[1] + GAP) + GAP, shown[0] + CAPTION + GAP)
    figure = new_figure(*total)
    for index, (panel, intensity) in enumerate(zip(panels, maps, strict=True)):
        left = GAP + index * (shown[1] + GAP)
        box = (left / total[0], GAP / total[1], shown[1] / total[0], shown[0] / total[1])
        axes = bare_axes(figure, box, shown)
        axes.set_title(panel.title, fontsize=15, color=INK, pad=10)
        if intensity is None:
            photo = shown_photo(image, shown)
            draw_pixels(axes, photo if panel.points is None else muted(photo), shown)
        else:
            scale = PowerNorm(0.5, vmin=0, vmax=top)
            draw_pixels(axes, intensity.clip(min=0), shown, colormap=colormap, norm=scale)
        if panel.points is not None:
            draw_points(axes, panel.points, size=size, shown=shown)
    return figure


def side_by_side(
    image: Num[Tensor, "3 H W"],
    *,
    actual_points: Float[Tensor, "N 2"],
    count: float,
    density: Float[Tensor, "h w"] | None = None,
    stride: int = 1,
    target: Float[Tensor, "h w"] | None = None,
    target_stride: int = 1,
    points: Float[Tensor, "N 2"] | None = None,
    colormap: Colormap = "inferno",
) -> Figure:
    """Image, ground truth and prediction side by side, with their counts.

    Args:
        image: (3, H, W) RGB, uint8 or float in [0, 1].
        actual_points: (x, y) pixels of the annotated heads.
        count: The predicted count.
        density: The predicted density map; the photo is shown instead when None.
        stride: Of ``density``.
        target: The density map the annotation stands for; its dots on the photo when None.
        target_stride: Of ``target``.
        points: (x, y) pixels of the predicted heads.
        colormap: Colours from low to high density.

    Raises:
        ShapeError: A density map does not fit the image.
    """
    actual = Panel(
        title=f"ground truth: {len(actual_points):,}",
        density=target,
        stride=target_stride,
        points=actual_points if target is None else None,
    )
    predicted = Panel(
        title=f"prediction: {count:,.1f}", density=density, stride=stride, points=points
    )
    return panel_row(image, [Panel(title="image"), actual, predicted], colormap=colormap)


def target_picture(
    image: Num[Tensor, "3 H W"],
    *,
    points: Float[Tensor, "N 2"],
    density: Float[Tensor, "h w"],
    stride: int,
    colormap: Colormap = "inferno",
) -> Figure:
    """Annotated points beside the density map made of them, with number and sum.

    Args:
        image: (3, H, W) RGB, uint8 or float in [0, 1].
        points: (x, y) pixels of the annotated heads.
        density: Their density map.
        stride: Of ``density``.
        colormap: Colours from low to high density.

    Raises:
        ShapeError: The density map does not fit the image.
    """
    annotated = Panel(title=f"points: {len(points):,}", points=points)
    target = Panel(
        title=f"density at stride {stride}: sum {density.double().sum().item():,.3f}",
        density=density,
        stride=stride,
    )
    return panel_row(image, [annotated, target], colormap=colormap)


def _intensity(panel: Panel, size: Size, shown: Size) -> NDArray[np.float32] | None:
    if panel.density is None:
        return None
    return shown_density(panel.density, stride=panel.stride, size=size, shown=shown)
