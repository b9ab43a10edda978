"""Draw where a counter looked."""

from collections.abc import Mapping
from math import ceil

from jaxtyping import Float, Num
from matplotlib.figure import Figure
from torch import Tensor

from crowdkit_core.interfaces import LargeImage
from crowdkit_core.visual.canvas import Colormap
from crowdkit_core.visual.panels import Panel, panel_rows

PANELS_IN_A_ROW = 4


def attention_panels(
    image: Num[Tensor, "3 H W"] | LargeImage,
    attention: Mapping[str, Float[Tensor, "h w"]],
    *,
    caption: str,
    density: Float[Tensor, "h w"] | None = None,
    stride: int = 1,
    colormap: Colormap = "inferno",
) -> Figure:
    """The image, its density map, and every attention map from 0, dark, to 1, bright.

    Args:
        image: (3, H, W) RGB, uint8 or float in [0, 1].
        attention: Weights in [0, 1] over the whole image, by names.
        caption: Printed above the density map, such as ``322 people``.
        density: Persons per cell; None for none.
        stride: Pixels per cell side of ``density``.
        colormap: Colours from low to high density.

    Raises:
        ShapeError: The density map does not fit the image.
    """
    panels = [Panel(title="image")]
    if density is not None:
        panels.append(Panel(title=caption, density=density, stride=stride))
    panels += [Panel(title=name, values=each, limits=(0, 1)) for name, each in attention.items()]
    columns = ceil(len(panels) / ceil(len(panels) / PANELS_IN_A_ROW))
    rows = [panels[begin : begin + columns] for begin in range(0, len(panels), columns)]
    return panel_rows(image, rows, colormap=colormap)
