"""The bins that the numbers of people in the blocks of an image fall into."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from crowdkit_core.density import count_cells
from crowdkit_core.interfaces import Annotation, Dataset, points_inside

BINS = {
    8: (0, 1, 2, 3, 4),
    16: (*range(11), 11, 13, 15),
    32: (*range(11), 11, 13, 15, 17, 19, 21, 24, 27, 30, 34),
}
"""Least count of each bin by block size: of every data set, of ShanghaiTech A and of UCF-QNRF."""


def bin_of(counts: Tensor, bins: Sequence[int]) -> Int64[Tensor, "*shape"]:
    """Index of the bin each count falls into; -1 where it is less than the first bin's.

    Args:
        counts: Of any shape.
        bins: Least count of each bin, ascending.

    Example:
        >>> bin_of(torch.tensor([0, 1, 2, 3, 9]), (1, 2, 4)).tolist()
        [-1, 0, 1, 1, 2]
    """
    borders = torch.tensor(bins, device=counts.device, dtype=counts.dtype)
    return torch.bucketize(counts, borders, right=True) - 1


def middle_of_bins(bins: Sequence[int]) -> Float[Tensor, " n"]:
    """Centres of bins without any data: the middle of those with an end, the last one's least.

    Example:
        >>> middle_of_bins((0, 1, 2, 5)).tolist()
        [0.0, 1.0, 3.0, 5.0]
    """
    last = [end - 1 for end in bins[1:]] + [bins[-1]]
    return torch.tensor([(least + most) / 2 for least, most in zip(bins, last, strict=True)])


def fit_centres(dataset: Dataset, bins: Sequence[int], block_size: int) -> Float[Tensor, " n"]:
    """Mean number of people in the blocks of each bin over a data set's annotations.

    A bin that no block falls into keeps its centre of `middle_of_bins`.

    Args:
        dataset: Only its annotations are read.
        bins: Least count of each bin, ascending.
        block_size: Pixels per block side.
    """
    blocks, people = (torch.zeros(len(bins), dtype=torch.float64) for _ in range(2))
    for index in range(len(dataset)):
        counts = _counts(dataset.annotation(index), block_size)
        indices = bin_of(counts, bins)
        counts, indices = counts[indices >= 0], indices[indices >= 0]
        blocks += indices.bincount(minlength=len(bins))
        people += indices.bincount(counts.double(), minlength=len(bins))
    means = (people / blocks.clamp_min(1)).float()
    return torch.where(blocks > 0, means, middle_of_bins(bins))


def _counts(annotation: Annotation, block_size: int) -> Int64[Tensor, " blocks"]:
    points = annotation.points[points_inside(annotation.points, annotation.roi)]
    return count_cells(points, annotation.size, block_size).flatten()
