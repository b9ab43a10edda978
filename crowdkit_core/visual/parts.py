"""Draw predicted against annotated people of the parts of images."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.visual.canvas import INK, new_figure

ACROSS = 3
SIDE = 380
DOT, EVEN = "#6a4fc3", "#e4632d"


def counts_of_parts(
    predicted: Mapping[str, Float[Tensor, " N"]], actual: Float[Tensor, " N"]
) -> Figure:
    """A dot for each part: predicted people to the right, annotated ones upwards.

    On the dashed line both are the same; above it people are missed.

    Args:
        predicted: (N,) people of each part, by name of the way of counting.
        actual: (N,) people annotated.
    """
    across = min(len(predicted), ACROSS)
    down = -(-len(predicted) // ACROSS)
    figure = new_figure(across * SIDE, down * SIDE)
    figure.set_layout_engine("constrained")
    grid = list(figure.subplots(down, across, squeeze=False).flat)
    wanted = actual.detach().cpu().double().numpy()
    found = {name: each.detach().cpu().double().numpy() for name, each in predicted.items()}
    most = max(1.0, *(each.max(initial=0.0) for each in (wanted, *found.values())))
    for axes, (name, values) in zip(grid, found.items(), strict=False):
        _draw(axes, name, values, wanted, most)
    for axes in grid[len(found) :]:
        axes.set_visible(False)
    figure.supxlabel("predicted people of a part", color=INK)
    figure.supylabel("annotated people of it", color=INK)
    return figure


def _draw(
    axes: Axes, name: str, predicted: NDArray[np.float64], actual: NDArray[np.float64], most: float
) -> None:
    error = np.abs(predicted - actual).mean()
    axes.set_title(f"{name}: MAE {error:.2f}", color=INK)
    axes.plot([0, most], [0, most], color=EVEN, linewidth=1.5, linestyle="--")
    axes.scatter(predicted, actual, s=14, color=DOT, alpha=0.5, linewidths=0)
    limits = (-0.03 * most, 1.03 * most)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
