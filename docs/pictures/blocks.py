"""What ZIP says of each block: whether people can be there, how many then, and how many so."""

from matplotlib.figure import Figure
from sheet import balanced_rows
from torch import Tensor

from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import Counter, Sample, evaluating
from crowdkit_core.visual import Panel, panel_rows


def draw(counter: Counter, sample: Sample) -> Figure:
    """A scene, and the attention, rate and density of its blocks.

    Args:
        counter: Trained, and zero-inflated.
        sample: An annotated image.
    """
    with evaluating(counter) as device:
        prediction = counter(to_batch(sample.image, device))
    actual = sample.points.as_subclass(Tensor)
    attention, rate = (prediction.maps[name][0, 0] for name in ("attention", "rate"))
    assert prediction.density is not None
    panels = [
        Panel(title=f"people: {len(actual)}", points=actual),
        Panel(title="attention", values=attention, limits=(0, 1)),
        Panel(title="rate", values=rate, limits=(0, rate.max().item())),
        Panel(
            title=f"density: {prediction.count.item():.1f}",
            density=prediction.density[0, 0],
            stride=prediction.stride or 1,
        ),
    ]
    return panel_rows(sample.image, balanced_rows(panels))
