"""Draw panels side by side: the image, its ground truth, a prediction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.interfaces import LargeImage, Size
from crowdkit_core.visual.canvas import (
    ACTUAL,
    FOUND,
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
"""Longer side of a panel in pixels, unless another is asked for."""
GAP = 16
CAPTION = 52
CURVE = "#7b2d8b"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One picture of a row: the photo, a density map or other values, and points on it.

    Attributes:
        title: Printed above.
        density: (h, w) persons per cell; the photo is shown when None.
        stride: Pixels per cell side of ``density``.
        points: (x, y) image pixels to mark.
        found: (x, y) image pixels of predicted heads, to compare with ``points``: those become red
            rings, these green dots.
        values: (h, w) of any kind over the whole image, in colours of their own, or (R,) of its
            rows from top to bottom, as a curve.
        limits: Values at the ends of their colours; the least and the greatest when None.
    """

    title: str
    density: Float[Tensor, "h w"] | None = None
    stride: int = 1
    points: Float[Tensor, "N 2"] | None = None
    found: Float[Tensor, "N 2"] | None = None
    values: Float[Tensor, "h w"] | Float[Tensor, " R"] | None = None
    limits: tuple[float, float] | None = None


def panel_row(
    image: Num[Tensor, "3 H W"] | LargeImage,
    panels: Sequence[Panel],
    *,
    colormap: Colormap = "inferno",
    side: int = PANEL_SIDE,
) -> Figure:
    """Panels in a row, all of one image; density maps share one colour scale.

    Raises:
        ShapeError: A density map does not fit the image.
    """
    return panel_rows(image, [panels], colormap=colormap, side=side)


def panel_rows(
    image: Num[Tensor, "3 H W"] | LargeImage,
    rows: Sequence[Sequence[Panel]],
    *,
    colormap: Colormap = "inferno",
    side: int = PANEL_SIDE,
) -> Figure:
    """Rows of panels, all of one image; density maps share one colour scale.

    Raises:
        ShapeError: A density map does not fit the image.
    """
    height, width = image.shape[-2:]
    size = (height, width)
    shown = display_size(size, side)
    maps = {id(panel): _intensity(panel, size, shown) for row in rows for panel in row}
    scale = PowerNorm(0.5, vmin=0, vmax=peak(*(each for each in maps.values() if each is not None)))
    across, down = shown[1] + GAP, shown[0] + CAPTION
    total = (max(map(len, rows)) * across + GAP, len(rows) * down + GAP)
    figure = new_figure(*total)
    for y, row in enumerate(rows):
        for x, panel in enumerate(row):
            corner = (GAP + x * across, total[1] - (y + 1) * down)
            box = (
                corner[0] / total[0],
                corner[1] / total[1],
                shown[1] / total[0],
                shown[0] / total[1],
            )
            intensity = maps[id(panel)]
            axes = bare_axes(figure, box, shown)
            axes.set_title(panel.title, fontsize=15, color=INK, pad=10)
            if intensity is not None:
                draw_pixels(axes, intensity.clip(min=0), shown, colormap=colormap, norm=scale)
            elif panel.values is not None:
                _draw_values(axes, panel.values, panel.limits, shown)
            else:
                photo = shown_photo(image, shown)
                draw_pixels(axes, photo if panel.points is None else muted(photo), shown)
            _draw_heads(axes, panel, size, shown)
    return figure


def _draw_heads(axes: Axes, panel: Panel, size: Size, shown: Size) -> None:
    if panel.points is not None and panel.found is not None:
        draw_points(axes, panel.points, size=size, shown=shown, color=ACTUAL, hollow=True)
        draw_points(axes, panel.found, size=size, shown=shown, color=FOUND)
    elif panel.points is not None:
        draw_points(axes, panel.points, size=size, shown=shown)


def _draw_values(
    axes: Axes, values: Tensor, limits: tuple[float, float] | None, shown: Size
) -> None:
    array = values.detach().cpu().float().numpy()
    if array.ndim == 2:
        least, greatest = limits or (None, None)
        draw_pixels(axes, array, shown, colormap="viridis", norm=Normalize(least, greatest))
        return
    axes.set_axis_on()
    axes.yaxis.set_visible(False)
    axes.set_xlim(0, float(array.max(initial=0)) * 1.05 or 1)
    axes.tick_params(axis="x", direction="in", pad=-16, colors=INK)
    axes.grid(axis="x", alpha=0.3)
    axes.plot(array, (np.arange(len(array)) + 0.5) * shown[0] / len(array), color=CURVE)


def side_by_side(
    image: Num[Tensor, "3 H W"] | LargeImage,
    *,
    actual_points: Float[Tensor, "N 2"],
    count: float,
    density: Float[Tensor, "h w"] | None = None,
    stride: int = 1,
    target: Float[Tensor, "h w"] | None = None,
    target_stride: int = 1,
    target_label: str = "",
    points: Float[Tensor, "N 2"] | None = None,
    colormap: Colormap = "inferno",
    side: int = PANEL_SIDE,
) -> Figure:
    """Image, ground truth and prediction side by side, with their counts; heads if any are found.

    Args:
        image: (3, H, W) RGB, uint8 or float in [0, 1].
        actual_points: (x, y) pixels of the annotated heads.
        count: The predicted count.
        density: The predicted density map; the photo is shown instead when None.
        stride: Of ``density``.
        target: The density map the annotation stands for; its dots on the photo when None.
        target_stride: Of ``target``.
        target_label: What ``target`` is, for its title.
        points: (x, y) pixels of the predicted heads: a panel shows them with the annotated ones.
        colormap: Colours from low to high density.
        side: Longer side of a panel in pixels.

    Raises:
        ShapeError: A density map does not fit the image.
    """
    said = f" ({target_label})" if target_label else ""
    actual = Panel(
        title=f"ground truth: {len(actual_points):,}{said}",
        density=target,
        stride=target_stride,
        points=actual_points if target is None else None,
    )
    predicted = Panel(title=f"prediction: {count:,.1f}", density=density, stride=stride)
    panels = [Panel(title="image"), actual, predicted]
    if points is not None:
        heads = f"heads: {len(points):,} found (dots), {len(actual_points):,} annotated (rings)"
        panels.append(Panel(title=heads, points=actual_points, found=points))
    return panel_row(image, panels, colormap=colormap, side=side)


def _intensity(panel: Panel, size: Size, shown: Size) -> NDArray[np.float32] | None:
    if panel.density is None:
        return None
    return shown_density(panel.density, stride=panel.stride, size=size, shown=shown)
