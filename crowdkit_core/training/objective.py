"""Wrap a stage for Fabric."""

from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn

from crowdkit_core.interfaces import Batch, Counter, Stage
from crowdkit_core.training.loss_record import distinct_names


class Parcel:
    """A batch that Fabric passes on as it is.

    Fabric's mixed precision would round every float of a batch to half precision, point
    coordinates included; it leaves alone what is not a tensor, a collection or a dataclass.

    Args:
        batch: What to pass on.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch


class Objective(nn.Module):
    """A stage whose forward takes a parcel and returns what is minimised and what is logged.

    Args:
        stage: The objective itself.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, parcel: Parcel) -> tuple[Tensor, dict[str, Tensor]]:
        """The batch's total, as ``loss``, and its detached terms by distinct names."""
        losses = self.stage(parcel.batch)
        terms = {name: term.detach() for name, term in distinct_names(losses.terms).items()}
        return losses.total, {**terms, "loss": losses.total.detach()}


def match_precision(batch: Batch, module: nn.Module) -> Batch:
    """The batch with images in the module's precision, such as float64 under ``64-true``."""
    dtype = next(module.parameters()).dtype
    return batch if batch.images.dtype == dtype else replace(batch, images=batch.images.to(dtype))


def in_single_precision(counter: Counter) -> Counter:
    """The counter, or a float32 copy of one that trains in another precision."""
    if next(counter.parameters()).dtype == torch.float32:
        return counter
    return deepcopy(counter).float()
