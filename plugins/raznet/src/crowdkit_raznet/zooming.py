"""Zoom into regions of an image: enlarge them, find their points, and put those back."""

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.interfaces import LocalizedPoints, Look, Prediction
from crowdkit_raznet.network import InspectionNet
from crowdkit_raznet.ownership import merge_by_ownership
from crowdkit_raznet.regions import Regions

ZOOM = 2
"""How many times as large a region is inspected, in training and in `predict` alike."""


def zoomed_points(
    network: InspectionNet,
    search: Callable[[Float[Tensor, "H W"]], Regions],
    image: Float[Tensor, "1 3 H W"],
    prediction: Prediction,
    points: LocalizedPoints,
    *,
    look: Look,
    times: int,
) -> LocalizedPoints:
    """The points of an image after zooming into its regions, and into regions of those in turn.

    Args:
        network: RAZ-Net, which inspects the enlarged regions.
        search: Chooses regions from attention.
        image: As a batch of one.
        prediction: Of the image, with its attention.
        points: Found in the image before zooming.
        look: Shows an enlarged region to the network.
        times: How often in a row; 0 leaves the points as they are.
    """
    if times == 0:
        return points
    regions = search(prediction.maps["attention"][0, 0])
    closer = []
    for box in regions.boxes.tolist():
        view = enlarged(image, box)
        seen = network.read(look(network, view[0]))
        (found,) = network.heads(seen.maps["localization"])
        found = zoomed_points(network, search, view, seen, found, look=look, times=times - 1)
        offset = found.xy.new_tensor(box[:2])
        closer.append(LocalizedPoints(found.xy / ZOOM + offset, found.score))
    return merge_by_ownership(points, regions, closer)


def enlarged(image: Float[Tensor, "1 3 H W"], box: Sequence[int]) -> Float[Tensor, "1 3 h w"]:
    """A region of an image, `ZOOM` times as large.

    Args:
        image: As a batch of one.
        box: x0, y0, x1, y1: columns [x0, x1), rows [y0, y1).
    """
    x0, y0, x1, y1 = box
    region = image[..., y0:y1, x0:x1]
    return F.interpolate(region, scale_factor=ZOOM, mode="bilinear", align_corners=False)
