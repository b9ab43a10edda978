"""Draw the borders of zones, each with its label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from matplotlib import patheffects
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from crowdkit_core.interfaces import Size
from crowdkit_core.visual.canvas import DPI, INK

COLOURS = ("#ffffff", "#ffd60a", "#4cf06a", "#3df5ff", "#ff8ad8", "#ff9f0a")
"""In turn, so that neighbours differ."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownZone:
    """A zone of an image.

    Attributes:
        label: Printed in it, such as ``gate: 43``.
        mask: (H, W) True inside.
    """

    label: str
    mask: Bool[Tensor, "H W"]


def draw_zones(axes: Axes, zones: Sequence[ShownZone], shown: Size, letters: float) -> None:
    """Outline zones in pixels of the shown image.

    Args:
        axes: Over the shown image.
        zones: What to outline.
        shown: (H, W) of the shown image.
        letters: Height of a label's letters in pixels.
    """
    for number, zone in enumerate(zones):
        inside = shown_inside(zone, shown)
        if inside.max() <= 0.5:
            continue  # too small to be seen
        colour = COLOURS[number % len(COLOURS)]
        # a frame of nothing around, so that zones at the image's border are closed
        framed = np.pad(inside, 1)
        rows = np.arange(-1, shown[0] + 1) + 0.5
        columns = np.arange(-1, shown[1] + 1) + 0.5
        width = max(letters / 9, 1.2) * 72 / DPI
        lines = axes.contour(columns, rows, framed, levels=[0.5], colors=[colour], linewidths=width)
        lines.set_path_effects([patheffects.withStroke(linewidth=2.2 * width, foreground=INK)])
        row, column = _middle(inside)
        axes.text(
            column,
            row,
            zone.label,
            fontsize=letters * 72 / DPI,
            fontweight="bold",
            color=colour,
            horizontalalignment="center",
            verticalalignment="center",
            parse_math=False,
            bbox={"boxstyle": "round,pad=0.3", "facecolor": INK, "alpha": 0.75, "linewidth": 0},
        )


def shown_inside(zone: ShownZone, shown: Size) -> NDArray[np.float32]:
    """How much of each pixel of the shown image lies in a zone."""
    inside: Tensor = F.resize(zone.mask.cpu().float()[None], list(shown), antialias=True)[0]
    return inside.numpy()


def _middle(inside: NDArray[np.float32]) -> tuple[float, float]:
    """The place of a zone that is nearest to its centre of mass: inside it whatever its shape."""
    places = np.argwhere(inside > 0.5)
    nearest = np.abs(places - places.mean(axis=0)).sum(axis=1).argmin()
    row, column = places[nearest]
    return float(row) + 0.5, float(column) + 0.5
