"""Draw the targets of CFANet's two attention branches: where the crowd is, and how dense."""

from crowdkit_cfanet.targets import class_borders, coarse_attention, density_quantiles, fine_classes
from matplotlib.figure import Figure
from sheet import balanced_rows
from torch import Tensor

from crowdkit_core.data import collate
from crowdkit_core.interfaces import Dataset, DensityGenerator, Target
from crowdkit_core.visual import Panel, panel_rows

LEVELS = 6


def draw(dataset: Dataset, index: int, generator: DensityGenerator) -> Figure:
    """The people of a scene, their density, and the targets of coarse and fine attention.

    Args:
        dataset: Its people say where one level of density ends and the next begins.
        index: Of the scene.
        generator: Makes the density maps.

    Raises:
        ValueError: Nobody is in the data set.
    """
    sample = dataset[index]
    quantiles = density_quantiles(dataset, generator)
    if quantiles is None:
        raise ValueError("nobody is in the data set")
    density = Target.from_batch(collate([sample]), generator).density()
    levels = fine_classes(density, class_borders(quantiles, LEVELS))[0]
    points = sample.points.as_subclass(Tensor)
    panels = [
        Panel(title=f"people: {len(points)}", points=points),
        Panel(title=f"wanted density: {density.sum():.1f}", density=density[0, 0]),
        Panel(
            title="coarse attention: crowd or not",
            values=coarse_attention(density)[0, 0],
            limits=(0, 1),
        ),
        Panel(
            title=f"fine attention: {LEVELS} levels of density",
            values=levels.float(),
            limits=(0, LEVELS - 1),
        ),
    ]
    return panel_rows(sample.image, balanced_rows(panels))
