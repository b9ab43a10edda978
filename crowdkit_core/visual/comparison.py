"""Draw density maps of one image side by side, with what they were made from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jaxtyping import Float, Num
from matplotlib.figure import Figure
from torch import Tensor

from crowdkit_core.visual.canvas import Colormap
from crowdkit_core.visual.panels import Panel, panel_rows

PANELS_IN_A_ROW = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownMap:
    """A density map of an image.

    Attributes:
        label: What to call it.
        density: (h, w) persons per cell.
        stride: Pixels per cell side of ``density``.
        details: What it was made from, as `DensityGenerator.details` gives it.
    """

    label: str
    density: Float[Tensor, "h w"]
    stride: int
    details: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The people in it."""
        return float(self.density.detach().double().sum())


def compare_maps(
    image: Num[Tensor, "3 H W"],
    maps: Sequence[ShownMap],
    *,
    points: Float[Tensor, "N 2"],
    colormap: Colormap = "inferno",
) -> Figure:
    """Annotated points, then density maps with their sums; below, the details of each.

    The maps of a stack share one colour scale.

    Args:
        image: (3, H, W) RGB, uint8 or float in [0, 1].
        maps: The maps, which share one colour scale.
        points: (x, y) pixels of the annotated heads.
        colormap: Colours from low to high density.

    Raises:
        ShapeError: A density map does not fit the image.
    """
    first = [Panel(title=f"points: {len(points):,}", points=points)]
    first += [
        Panel(
            title=f"{each.label}: {each.total:,.2f} at stride {each.stride}",
            density=each.density,
            stride=each.stride,
        )
        for each in maps
    ]
    blocks = [first, *(block for each in maps for block in _detail_blocks(each))]
    rows = [
        block[begin : begin + PANELS_IN_A_ROW]
        for block in blocks
        for begin in range(0, len(block), PANELS_IN_A_ROW)
    ]
    return panel_rows(image, rows, colormap=colormap)


def _detail_blocks(shown: ShownMap) -> Iterator[list[Panel]]:
    """Panels that belong together: all single maps and curves, then the maps of each stack."""
    titles = {name: f"{shown.label}: {name}" for name in shown.details}
    yield [
        Panel(title=titles[name], values=values)
        for name, values in shown.details.items()
        if values.ndim < 3
    ]
    for name, stack in shown.details.items():
        if stack.ndim == 3:
            limits = (float(stack.min()), float(stack.max()))
            yield [
                Panel(title=f"{titles[name]} {number}", values=values, limits=limits)
                for number, values in enumerate(stack, start=1)
            ]
