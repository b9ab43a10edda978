"""Draw the part of the image that one cell of a counter's density map sees.

The absolute gradient of the middle cell with respect to each pixel, of networks with random
weights: where a pixel matters at all, and how much it does before anything is learnt.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sheet import balanced_rows
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core import create
from crowdkit_core.data import collate
from crowdkit_core.density import sum_pool
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import Counter, Sample
from crowdkit_core.visual import Panel, panel_rows

SEEDS = 2
DECADES = 6
"""What the colours span: from the greatest influence to a millionth of it."""
_POOLED = 4  # pixels a side that are shown as one, for a smooth picture
_FRAME = "#ff3b6b"

Change = Callable[[Any], None]
"""Leaves only a part of a counter, in place."""


def draw(name: str, sample: Sample, *, seeds: int = SEEDS, **options: Any) -> Figure:
    """The scene, and what the middle cell sees of it: the whole counter, then parts of it.

    Colours are logarithmic; where a pixel changes nothing the scene shows. The frame is the
    receptive field that the counter declares, if it is less than the whole image.

    Args:
        name: Of a registered counter.
        sample: The scene.
        seeds: Networks to average.
        **options: Of the counter.

    Raises:
        IncompatibleError: The counter predicts no density map.
    """
    (image,) = collate([sample]).images
    panels = [Panel(title="the cell in the scene")]
    counters: list[Counter] = []
    for label, change in ({name: _whole} | PARTS.get(name, {})).items():
        counters = [_counter(name, options, change, seed) for seed in range(seeds)]
        seen = torch.stack([influence(counter, image) for counter in counters]).mean(0)
        title = f"{label}: half within {half_radius(seen):.0f} px"
        panels.append(Panel(title=title, values=_shown(seen), limits=(-DECADES, 0)))
    figure = panel_rows(sample.image, balanced_rows(panels))
    for axes in figure.axes[:2]:
        _frame(axes, counters[0], sample.size)
    for axes in figure.axes[1:]:
        _underlay(axes, image)
    return figure


def influence(counter: Counter, image: Float[Tensor, "3 H W"]) -> Float[Tensor, "H W"]:
    """Absolute gradient of the middle cell, added up over colours and divided by its sum."""
    pixels = image[None].clone().requires_grad_()
    density = counter(pixels).density
    if density is None:
        raise IncompatibleError(f"{counter.label} predicts no density map")
    middle = density[0, 0, density.shape[-2] // 2, density.shape[-1] // 2]
    (gradient,) = torch.autograd.grad(middle, pixels)
    seen = gradient[0].abs().sum(0)
    return seen / seen.sum()


def half_radius(seen: Float[Tensor, "H W"]) -> float:
    """Pixels around the middle within which half of the influence lies."""
    rows, columns = (torch.arange(side) + 0.5 - side / 2 for side in seen.shape)
    order = torch.hypot(rows[:, None], columns).flatten().sort()
    within = seen.flatten()[order.indices].cumsum(0)
    return float(order.values[int((within < seen.sum() / 2).sum())])


def _counter(name: str, options: Mapping[str, Any], change: Change, seed: int) -> Counter:
    """With random weights."""
    torch.manual_seed(seed)
    counter: Counter = create("counter", name, **options)
    change(counter)
    return counter.eval()


def _shown(seen: Tensor) -> Tensor:
    """Powers of ten below the greatest; not a number where nothing is seen."""
    blocks = sum_pool(seen[None, None], _POOLED)[0, 0]
    levels = (blocks / blocks.max()).log10()
    return levels.where(blocks > 0, torch.nan)


def _frame(axes: Axes, counter: Counter, size: tuple[int, int]) -> None:
    reach, stride = counter.receptive_field, counter.stride
    if reach is None or stride is None:
        return
    pixel = axes.get_xlim()[1] / size[1]
    top, left = ((-(-side // stride) // 2) * stride - reach for side in size)
    side = (2 * reach + stride) * pixel
    axes.add_patch(
        Rectangle((left * pixel, top * pixel), side, side, fill=False, color=_FRAME, linewidth=4)
    )


def _underlay(axes: Axes, image: Tensor) -> None:
    """The scene, faintly."""
    photo = image.permute(1, 2, 0).numpy()
    width, height = axes.get_xlim()[1], axes.get_ylim()[0]
    axes.imshow(photo, extent=(0, width, height, 0), aspect="auto", alpha=0.3, zorder=-1)


def _whole(_: Counter) -> None:
    pass


def _undilated(counter: Any) -> None:
    for layer in counter.backend:
        if isinstance(layer, nn.Conv2d):
            layer.dilation = layer.padding = (1, 1)


def _without_messages(counter: Any) -> None:
    counter.down_up = counter.left_right = nn.Identity()


class _OneScale(nn.Module):
    """The context of one size of region, in place of context and features."""

    def __init__(self, scale: nn.Module) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, features: Tensor) -> Tensor:
        return F.interpolate(self.scale(features), features.shape[-2:], mode="bilinear")


def _context_alone(scale: int) -> Change:
    def change(counter: Any) -> None:
        counter.context = _OneScale(counter.context.scales[scale])

    return change


def _features_alone(counter: Any) -> None:
    counter.context = nn.Identity()


def _kernels_alone(size: int) -> Change:
    def change(counter: Any) -> None:
        for name, module in counter.encoder.named_modules():
            branch = name.rpartition(".")[2]
            if branch.startswith("branch") and branch != f"branch{size}x{size}":
                module.register_forward_hook(lambda *args: torch.zeros_like(args[-1]))

    return change


PARTS: dict[str, dict[str, Change]] = {
    "csrnet": {"without dilation": _undilated},
    "can": {"features alone": _features_alone}
    | {f"context of {n} x {n}": _context_alone(i) for i, n in enumerate((1, 2, 3, 6))},
    "sanet": {f"{n} x {n} kernels": _kernels_alone(n) for n in (1, 3, 5, 7)},
    "sfcn": {"without messages": _without_messages},
}
"""What is left of a counter to show what its idea does, by label."""
