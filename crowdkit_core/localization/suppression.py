"""Keep one of several found points that are too near to each other to be two."""

import numpy as np
import torch
from jaxtyping import Int64
from scipy.spatial import cKDTree
from torch import Tensor

from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import LocalizedPoints


def suppress_near(
    points: LocalizedPoints, radius: float, *, part: Int64[Tensor, " N"] | None = None
) -> LocalizedPoints:
    """Drop every point within a radius of a better one that is kept; best first, as they come.

    Args:
        points: Best first.
        radius: Pixels, both ends of the range included.
        part: (N,) which part of the image found each point; only those of different parts drop
            each other. None: any do.

    Raises:
        UsageError: ``radius`` is negative or not finite.

    Example:
        >>> row = LocalizedPoints(
        ...     torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]]), torch.tensor([0.9, 0.8, 0.7])
        ... )
        >>> suppress_near(row, 2.0).xy.tolist()
        [[0.0, 0.0], [4.0, 0.0]]
    """
    if not 0 <= radius < np.inf:
        raise UsageError(f"radius {radius}: expected 0 or more pixels")
    if len(points.xy) < 2:
        return points
    pairs = cKDTree(points.xy.detach().cpu().double().numpy()).query_pairs(
        radius, output_type="ndarray"
    )
    if part is not None:
        of = part.cpu().numpy()
        pairs = pairs[of[pairs[:, 0]] != of[pairs[:, 1]]]
    kept = np.ones(len(points.xy), bool)
    # By the better point of a pair: what could drop that one has been looked at before.
    for better, worse in pairs[np.argsort(pairs[:, 0], kind="stable")].tolist():
        if kept[better]:
            kept[worse] = False
    mask = torch.from_numpy(kept).to(points.xy.device)
    return LocalizedPoints(points.xy[mask], points.score[mask])
