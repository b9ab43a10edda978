"""Draw the map that a loss leads to where nothing but the loss is in the way.

A free density map, a number for every cell, starts flat and follows the loss alone: what remains
of the difference between the losses when there is no network and no other image.
"""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from sheet import balanced_rows
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from crowdkit_core.data import collate
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import (
    Counter,
    DensityGenerator,
    Loss,
    MapSpec,
    Prediction,
    Sample,
    Size,
    Target,
)
from crowdkit_core.visual import Panel, panel_rows

STRIDE = 4
STEPS = 300
_RATE = 0.1
_SHARE_AT_START = 0.5


class FreeMap(Counter):
    """A density map of one image size, whatever the image; each cell a parameter, none negative.

    Args:
        size: (H, W) of the image in pixels.
        total: People in the flat map it begins with.
    """

    outputs: Mapping[str, MapSpec] = {"density": MapSpec("density", STRIDE)}

    def __init__(self, size: Size, total: float) -> None:
        super().__init__()
        cells = [-(-side // STRIDE) for side in size]
        self.logarithms = nn.Parameter(torch.full((1, 1, *cells), total / math.prod(cells)).log())

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """The same map for each."""
        density = self.logarithms.exp().expand(len(images), -1, -1, -1)
        return Prediction.from_density(density, STRIDE)


def learn(
    loss: Loss, sample: Sample, generator: DensityGenerator, *, steps: int = STEPS
) -> Float[Tensor, "h w"]:
    """What a flat map of half the people becomes.

    Args:
        loss: Minimised by Adam at a rate that falls to nothing.
        sample: The image and its people.
        generator: Makes the wanted map.
        steps: How many.

    Raises:
        IncompatibleError: The loss needs more than a density map.
    """
    batch = collate([sample])
    free = FreeMap(sample.size, _SHARE_AT_START * len(sample.points))
    if missing := loss.missing(free):
        raise IncompatibleError(f"{loss.label} needs {missing[0]}: there is only a density map")
    target = Target.from_batch(batch, generator)
    optimizer = torch.optim.Adam(free.parameters(), lr=_RATE)
    schedule = CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(free(batch.images), target).total.backward()
        optimizer.step()
        schedule.step()
    density = free(batch.images).density
    assert density is not None
    return density[0, 0].detach()


def draw(
    losses: Mapping[str, Loss],
    sample: Sample,
    generator: DensityGenerator,
    *,
    steps: int = STEPS,
) -> Figure:
    """The people, the wanted map, and the map of every loss with its sum.

    Args:
        losses: By label.
        sample: The image and its people.
        generator: Makes the wanted map.
        steps: How many each takes.
    """
    points = sample.points.as_subclass(Tensor)
    wanted = Target.from_batch(collate([sample]), generator).density(STRIDE)[0, 0]
    maps = {"wanted": wanted}
    maps |= {label: learn(loss, sample, generator, steps=steps) for label, loss in losses.items()}
    panels = [Panel(title=f"people: {len(points)}", points=points)]
    panels += [
        Panel(title=f"{label}: {density.sum():.1f}", density=density, stride=STRIDE)
        for label, density in maps.items()
    ]
    return panel_rows(sample.image, balanced_rows(panels))
