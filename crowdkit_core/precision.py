"""Raise tensors of half precision to the precision that sums and squares of people need."""

from jaxtyping import Float
from torch import Tensor, float32, promote_types


def at_least_float32(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The values in float32, or in float64 if they are: half precision cannot add up a crowd.

    Example:
        >>> import torch
        >>> at_least_float32(torch.ones(2, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return values.to(promote_types(values.dtype, float32))
