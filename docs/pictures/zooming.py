"""Draw what RAZNet does: people found before zooming, the regions, people found after."""

from crowdkit_raznet.raznet import RAZNet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sheet import balanced_rows
from torch import Tensor

from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import Sample, evaluating
from crowdkit_core.visual import Panel, panel_rows

ATTENTION = 3
"""Which panel shows attention and the regions."""


def draw(counter: RAZNet, sample: Sample) -> Figure:
    """A scene, its density, points from afar, attention with the regions, and points after zooming.

    Args:
        counter: Trained, with a depth of 2 or more.
        sample: An annotated image.
    """
    with evaluating(counter) as device:
        image = to_batch(sample.image, device)
        prediction = counter.predict(image)
        (afar,) = counter.main.heads(prediction.maps["localization"])
        regions = counter.search(prediction.maps["attention"][0, 0])
    assert prediction.points is not None
    density = prediction.count_maps["density"].density
    assert density is not None
    actual, closer = sample.points.as_subclass(Tensor), prediction.points[0].xy
    panels = [
        Panel(title=f"people: {len(actual)}", points=actual),
        Panel(
            title=f"density: {density.sum():.1f}",
            density=density[0, 0],
            stride=counter.main.counting_stride,
        ),
        Panel(title=f"points from afar: {len(afar.xy)}", points=afar.xy),
        Panel(
            title=f"attention, and {len(regions.boxes)} regions to enlarge",
            values=prediction.maps["attention"][0, 0],
            limits=(0, 1),
        ),
        Panel(title=f"points after zooming: {len(closer)}", points=closer),
        Panel(
            title=f"fusion: {prediction.count.item():.1f}",
            density=None if prediction.density is None else prediction.density[0, 0],
            stride=prediction.stride or 1,
        ),
    ]
    figure = panel_rows(sample.image, balanced_rows(panels))
    _draw_boxes(figure.axes[ATTENTION], regions.boxes, sample.size[1])
    return figure


def _draw_boxes(axes: Axes, boxes: Tensor, width: int) -> None:
    scale = axes.get_xlim()[1] / width
    for x0, y0, x1, y1 in (boxes * scale).tolist():
        box = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor="white", linewidth=4)
        axes.add_patch(box)
