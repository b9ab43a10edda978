"""Match proposed points with people, for losses of point predictors."""

import torch
from jaxtyping import Float, Int64
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def match_proposals(
    xy: Float[Tensor, "N 2"],
    scores: Float[Tensor, " N"],
    points: Float[Tensor, "M 2"],
    *,
    distance_cost: float = 0.05,
    score_cost: float = 1.0,
) -> tuple[Int64[Tensor, " matched"], Int64[Tensor, " matched"]]:
    """The pairs of least total cost, each proposal and each person in at most one.

    A pair costs ``distance_cost`` times its distance in pixels less ``score_cost`` times the
    proposal's score. As many pairs are made as there are proposals or people, whichever are fewer
    (the Hungarian algorithm as SciPy has it).

    Args:
        xy: (N, 2) proposed pixels.
        scores: (N,) each one's probability of a person.
        points: (M, 2) pixels of the people.
        distance_cost: Of a pixel.
        score_cost: Of a score of 1.

    Returns:
        Indices of the proposals and of their people, on the CPU.

    Example:
        >>> proposals = torch.tensor([[0.0, 0.0], [4.0, 0.0], [5.0, 0.0]])
        >>> match_proposals(proposals, torch.tensor([0.5, 0.5, 0.9]), torch.tensor([[4.0, 0.0]]))
        (tensor([2]), tensor([0]))
    """
    xy, scores, points = (each.detach().cpu().to(xy.dtype) for each in (xy, scores, points))
    # Distances by matrix products lose the pixels between neighbours in a large image.
    distances = torch.cdist(points, xy, compute_mode="donot_use_mm_for_euclid_dist")
    # Of a network that diverges: its loss says so, and SciPy takes no such numbers.
    cost = (distance_cost * distances - score_cost * scores).nan_to_num()
    person, proposal = (torch.from_numpy(each) for each in linear_sum_assignment(cost.numpy()))
    return proposal, person
